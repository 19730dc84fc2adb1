"""The folder of a benchmark's results: a file for each cell, by the cell's key."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from emulator.bench.results import VERSION, CellResult
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from emulator.system.folders import make_folder

_MOST_BYTES = 2**27


class ResultStore:
    """The results of cells in a folder. A file is written whole or not at all, so a killed run loses nothing."""

    def __init__(self, folder: Path, warn: Callable[[str], None]) -> None:
        """``warn`` takes a sentence about each file that is damaged or of another version; such a file stays."""
        self._folder = folder
        self._warn = warn
        try:
            make_folder(folder)
        except OSError as error:
            raise EmulationError(f"{folder} cannot be made: {error.strerror}") from None

    def get(self, key: str) -> CellResult | None:
        """Return the result of a key; None if there is none, or none that can be read."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                text = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._warn(f"{path} cannot be read: {error.strerror}; its cell runs again")
            return None
        try:
            result = decode(CellResult, text, str(path))
        except EmulationError as error:
            self._warn(f"{error}; its cell runs again, and {path.name} is replaced")
            return None
        if result.version != VERSION or result.key != key:
            self._warn(f"{path} is of version {result.version} or of another cell; its cell runs again")
            return None
        return result

    def put(self, result: CellResult) -> None:
        """Keep a result.

        Raises:
            EmulationError: the file cannot be written, such as on a full disk.
        """
        path = self._path(result.key)
        descriptor, name = tempfile.mkstemp(dir=self._folder, prefix=".", suffix=".json")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(encode(result) + b"\n")
            Path(name).replace(path)
        except OSError as error:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise EmulationError(f"{path} cannot be written: {error.strerror}") from None

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"
