"""The messages between the client and the workers of a cluster; they cross as JSON."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.system.decode import encode

CHUNK_BYTES = 2**22
"""The most bytes of a file that one message has."""
FILE_BYTES = 2**30
"""The size of the largest file that a worker takes."""
MOST_FILES = 200
"""The most files that a cell may need from the client."""
FOLDER_BYTES = 2**33
"""The most bytes of all files that a worker keeps."""


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that a cell needs, and that the client can send. ``place`` is its path in the worker's cache of the cell.

    ``path`` is its path on the client's machine.
    """

    path: str
    place: str
    sha256: str
    size_bytes: int
    is_program: bool


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files that a cell needs from the client."""

    files: tuple[SentFile, ...]

    @property
    def name(self) -> str:
        """The manifest's hash, which names the cache that a worker makes of its files."""
        return hashlib.sha256(encode(self)).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Greeting:
    """A worker's answer to a client: the name of its machine, and the hash of its gtsdsl."""

    machine: str
    version: str
    code: str


@dataclass(frozen=True, slots=True)
class Missing:
    """The hashes of the files that a worker lacks. ``refusal`` says why it takes none; None if it does."""

    sha256: tuple[str, ...]
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class ClusterJob:
    """A job with the files that it needs from the client. ``places`` are those of files by the paths in its task.

    ``search_path`` is the client's ``PATH``. Each reading of a guest's virtual clock takes 256 ns, and a program that
    is found later reads the clock more often. With the client's search path, a result has the same bytes as on the
    client's machine.
    """

    job: WorkerJob
    manifest: Manifest
    places: dict[str, str]
    search_path: str


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """The outcome of a job on a worker; ``report`` is None if the worker lacks files of the job's manifest."""

    report: WorkerReport | None
