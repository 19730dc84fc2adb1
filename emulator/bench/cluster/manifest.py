"""A job to the files that its workers get from the client: kernels, agents, tools, videos."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from emulator.bench.cluster.messages import FILE_BYTES, FOLDER_BYTES, MOST_FILES, ClusterJob, Manifest, SentFile
from emulator.bench.fingerprint import Need
from emulator.bench.relocate import named_files
from emulator.bench.worker import WorkerJob
from emulator.kernel.cache import key, wheel_kernel
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from emulator.system.folders import cache_folder

CACHE = "gtsdsl"
"""The folder of gtsdsl in the cache of a cell, as in a user's cache folder."""
_NAMED = "files"


def cluster_job(job: WorkerJob) -> ClusterJob:
    """Return a job with the files that it needs: those of gtsdsl's cache folder, and those that its task names.

    A program that is installed on this machine, such as iperf, is not among them: it would not run without its
    libraries, so a worker needs its own.

    Raises:
        EmulationError: a file cannot be read, or the files are too large or too many.
    """
    named = set(named_files(job.task))
    found: dict[str, SentFile] = {}
    places = {}
    for need in job.needs:
        for file in _files(need, need.path in named):
            found[file.place] = file
            if file.path in named:
                places[file.path] = file.place
    files = tuple(found.values())
    if len(files) > MOST_FILES or sum(file.size_bytes for file in files) > FOLDER_BYTES:
        raise EmulationError(f"a cell needs more than {MOST_FILES} files, or more than {FOLDER_BYTES // 2**30} GiB")
    return ClusterJob(job, Manifest(files), places, os.environ.get("PATH", ""))


@cache
def _files(need: Need, is_named: bool) -> tuple[SentFile, ...]:
    """Return the files that a worker gets for a need: none, the file alone, or all files of its build."""
    if need.path is None:
        return ()
    path, folder, wheel = Path(need.path), cache_folder(), wheel_kernel()
    if path.is_relative_to(folder):
        parts = path.relative_to(folder).parts
        if len(parts) == 2:
            return (_file(path, Path(CACHE, *parts)),)
        return tuple(_folder(folder.joinpath(*parts[:2]), Path(CACHE, *parts[:2])))
    if wheel is not None and wheel.kernel is not None and path == wheel.executable:
        return tuple(_folder(path.parent, Path(CACHE, "kernels", key(wheel.kernel.version))))
    return (_file(path, Path(_NAMED, need.sha256, path.name)),) if is_named else ()


def _folder(folder: Path, place: Path) -> Iterator[SentFile]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield _file(path, place / path.relative_to(folder))


def _file(path: Path, place: Path) -> SentFile:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) or found.st_size > FILE_BYTES:
            raise EmulationError(
                f"{path} cannot be sent to a worker: it is no file of at most {FILE_BYTES // 2**30} GiB"
            )
        is_program = os.access(path, os.X_OK)
        return SentFile(str(path), place.as_posix(), sha256_of(path), found.st_size, is_program)
    except OSError as error:
        raise EmulationError(f"{path} cannot be sent to a worker: {error.strerror}") from None
