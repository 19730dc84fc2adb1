"""The functions that a client runs on the workers of a cluster; their arguments and results are bytes of JSON."""

from __future__ import annotations

import asyncio
import os
import platform
from functools import partial
from typing import TYPE_CHECKING

from emulator.bench.cluster.cache import ReceivedFiles
from emulator.bench.cluster.messages import ClusterJob, ClusterReport, Greeting, Manifest, Missing, SentFile
from emulator.bench.fingerprint import code
from emulator.bench.process import WorkerProcess
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError, in_a_line
from emulator.system.poll import readable
from emulator.system.programs import absolute_folders, search_folders
from gtsdsl import __version__

if TYPE_CHECKING:
    from distributed import Worker

_LOOK_S = 0.25
_ENDING = frozenset({"stopping", "closing", "closed", "failed"})
"""The states in which a worker of Dask ends."""


def greet() -> bytes:
    """Return this worker's `Greeting`."""
    return encode(Greeting(platform.node(), __version__, code().sha256))


async def prepare(manifest: bytes) -> bytes:
    """Return, as `Missing`, the files of a `Manifest` that this machine lacks."""
    return await asyncio.to_thread(partial(_missing, decode(Manifest, manifest, "the manifest")))


async def receive(file: bytes, sender: str, offset: int, content: bytes) -> bytes:
    """Take a part of a `SentFile`; return `Missing`, whose refusal says why the part cannot be taken."""
    return await asyncio.to_thread(partial(_receive, decode(SentFile, file, "the file"), sender, offset, content))


def run_cell(job: bytes) -> bytes:
    """Run a `ClusterJob` in a process of its own; return a `ClusterReport`.

    The process ends when the task is cancelled, because its client has gone or was interrupted, or when this worker
    ends.
    """
    from dataclasses import replace

    from distributed import get_worker

    wanted = decode(ClusterJob, job, "the job")
    folder = ReceivedFiles().cache_of(wanted.manifest)
    if folder is None:
        return encode(ClusterReport(None))
    moved = {path: str(folder / place) for path, place in wanted.places.items()}
    worker = get_worker()
    task = worker.get_current_task()
    variables = {"PATH": _search_path(wanted.search_path), "XDG_CACHE_HOME": str(folder)}
    process = WorkerProcess(replace(wanted.job, moved=moved), variables)
    try:
        while not readable([process.descriptor], _LOOK_S):
            if not _is_wanted(worker, task):
                raise EmulationError("the cell is cancelled")
    except BaseException:
        process.terminate()
        process.end()
        raise
    return encode(ClusterReport(process.report()))


def _search_path(client: str) -> str:
    """Return the client's search path, at whose end are the folders that only this machine searches."""
    return os.pathsep.join(dict.fromkeys([*absolute_folders(client), *search_folders(os.environ)]))


def _is_wanted(worker: Worker, task: object) -> bool:
    """Return whether a task that runs on a worker is wanted: Dask lets a thread run on when its task is cancelled."""
    state = worker.state.tasks.get(task)
    return state is not None and state.state != "cancelled" and worker.status.name not in _ENDING


def _missing(manifest: Manifest) -> bytes:
    try:
        return encode(Missing(ReceivedFiles().missing(manifest)))
    except (EmulationError, OSError) as error:
        return encode(Missing((), in_a_line(error)))


def _receive(file: SentFile, sender: str, offset: int, content: bytes) -> bytes:
    try:
        ReceivedFiles().put(file, sender, offset, content)
    except EmulationError as error:
        return encode(Missing((), str(error)))
    return encode(Missing(()))
