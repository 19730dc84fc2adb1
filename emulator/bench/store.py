"""The folder of a benchmark: a file for each measured cell, named by the cell's key, and a file with all results."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from emulator.bench import parquet
from emulator.bench.results import VERSION, CellResult, Results
from emulator.bench.tables import to_csv
from emulator.system.decode import decode_value, encode, load
from emulator.system.errors import EmulationError
from emulator.system.folders import make_folder
from gtsdsl.machine import missing_package
from gtsdsl.text import printable

RESULTS = "results.json"
"""The file with all results of the last run."""
CSV = "results.csv"
PARQUET = "results.parquet"
SAMPLES = "samples.parquet"
_CELLS = "cells"
_DAMAGED = ".damaged"
_LOCK = ".lock"
_MOST_BYTES = 2**28

_Kind = TypeVar("_Kind", CellResult, Results)


class ResultStore:
    """The results of cells in a folder. A file is written whole or not at all, so a killed run loses nothing."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        """``warn`` takes a sentence about each file that cannot be used; such a file stays, under another name.

        Raises:
            EmulationError: the folder cannot be made.
        """
        self._folder = folder
        self._warn = warn
        try:
            make_folder(folder / _CELLS)
        except OSError as error:
            raise EmulationError(f"{printable(str(folder), 300)} cannot be made: {error.strerror}") from None

    def get(self, key: str) -> CellResult | None:
        """Return the result of a key; None if the folder has none, or none that can be read."""
        path = self._path(key)
        try:
            result = _decoded(CellResult, _read(path), str(path))
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(f"{path} cannot be read: {error.strerror}; its cell runs again")
            return None
        except EmulationError as error:
            self._set_aside(path, str(error))
            return None
        if result.key != key:
            self._set_aside(path, f"{path} is of another cell")
            return None
        return result

    def put(self, result: CellResult) -> None:
        """Keep a result.

        Raises:
            EmulationError: the file cannot be written, such as on a full disk.
        """
        _write(self._path(result.key), encode(result) + b"\n")

    def put_all(self, results: Results) -> None:
        """Keep the results of a run in all formats, in place of those of the run before.

        Without polars there are no Parquet files, which the user is told.

        Raises:
            EmulationError: a file cannot be written.
        """
        _write(self._folder / RESULTS, encode(results) + b"\n")
        _write(self._folder / CSV, to_csv(results.cells).encode())
        if parquet.has_polars():
            _write(self._folder / PARQUET, parquet.figures(results.cells))
            _write(self._folder / SAMPLES, parquet.samples(results.cells))
            return
        for name in (PARQUET, SAMPLES):  # those of an earlier run would say something else than results.json
            (self._folder / name).unlink(missing_ok=True)
        self._warn(f"{PARQUET} and {SAMPLES} are not written: {missing_package('polars')}")

    def _path(self, key: str) -> Path:
        return self._folder / _CELLS / f"{key}.json"

    def _set_aside(self, path: Path, why: str) -> None:
        aside = path.with_name(path.name + _DAMAGED)
        self._warn(f"{why}; it is kept as {aside.name}, and its cell runs again")
        with contextlib.suppress(OSError):
            path.replace(aside)


def read_results(path: Path) -> Results:
    """Return the results of a benchmark's folder, or of a file.

    Raises:
        EmulationError: there are no results, or they are damaged or of another version.
    """
    path = path / RESULTS if path.is_dir() else path
    name = printable(str(path), 300)
    try:
        return _decoded(Results, _read(path), name)
    except OSError as error:
        raise EmulationError(f"{name}: {error.strerror}; `gtsdsl bench FILE -o DIR` writes it") from None


def _decoded(kind: type[_Kind], text: bytes, name: str) -> _Kind:
    """Return the results that a file holds. The version comes first, because an older file has other fields."""
    value = load(text, name)
    version = value.get("version") if isinstance(value, dict) else None
    if isinstance(version, int) and version != VERSION:
        raise EmulationError(f"{name} is of version {version}, and this gtsdsl reads version {VERSION}")
    return decode_value(kind, value, name)


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a folder for results, and hold it for this process, so that two benchmarks do not mix their results.

    Raises:
        EmulationError: the folder cannot be made or written, or another benchmark holds it.
    """
    name = printable(str(folder), 300)
    try:
        make_folder(folder)
        descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise EmulationError(f"{name} cannot be written: {error.strerror}; choose another folder with -o") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"another gtsdsl bench writes to {name}: wait for its end, or choose another folder with -o"
            raise EmulationError(message) from None
        yield
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    # O_NONBLOCK: to open a pipe must not block
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise EmulationError(f"{path} is a pipe, not a file")
        text = file.read(_MOST_BYTES + 1)
    if len(text) > _MOST_BYTES:
        raise EmulationError(f"{path} has more than {_MOST_BYTES // 2**20} MiB")
    return text


def _write(path: Path, content: bytes) -> None:
    name = None
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".json")
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError as error:
        if name is not None:
            with contextlib.suppress(OSError):
                Path(name).unlink()
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "; free some space, and run the same command again" if is_full else ""
        raise EmulationError(f"{path} cannot be written: {error.strerror}{hint}") from None
