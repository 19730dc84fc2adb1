"""Pools of workers that run jobs, behind one interface; the local pool has several processes, each with one job."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import IO, Protocol, Self, TypeVar

from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.system.closing import Closing
from emulator.system.decode import decode, encode
from emulator.system.poll import readable
from emulator.system.programs import environment, python_command, python_script

_Item = TypeVar("_Item")
_GRACE_S = 20.0
_STEP_S = 0.5


class Pool(Protocol):
    """Runs the jobs of items on several workers; a context manager whose exit ends the jobs that run."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def run(
        self, jobs: Iterable[tuple[_Item, WorkerJob]], show: Callable[[Sequence[_Item]], None]
    ) -> Iterator[tuple[_Item, WorkerReport]]:
        """Yield each item with the report of its job, as the jobs end. ``show`` gets the items that are running."""


class LocalPool(Closing):
    """Runs the jobs of items on this machine, ``workers`` at a time."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._running: list[_Worker] = []

    def run(
        self, jobs: Iterable[tuple[_Item, WorkerJob]], show: Callable[[Sequence[_Item]], None]
    ) -> Iterator[tuple[_Item, WorkerReport]]:
        """Yield each item with the report of its job, as `Pool.run`."""
        waiting = iter(jobs)
        item_of: dict[_Worker, _Item] = {}
        while True:
            while len(self._running) < self._workers and (found := next(waiting, None)) is not None:
                worker = _Worker(found[1])
                self._running.append(worker)
                item_of[worker] = found[0]
            if not self._running:
                return
            show(list(item_of.values()))
            ended = readable([worker.descriptor for worker in self._running], _STEP_S)
            for worker in [it for it in self._running if it.descriptor in ended]:
                self._running.remove(worker)
                yield item_of.pop(worker), worker.report()

    def close(self) -> None:
        """End the workers that run, and wait until they have ended."""
        for worker in self._running:
            worker.terminate()
        for worker in self._running:
            worker.end()
        self._running.clear()


class _Worker:
    """A process that runs one job."""

    def __init__(self, job: WorkerJob) -> None:
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `report` or `end`
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        with tempfile.TemporaryFile() as jobs:
            jobs.write(encode(job))
            jobs.seek(0)
            self._process = subprocess.Popen(
                python_command("-c", python_script("emulator.bench.worker", "main", {"parent": os.getpid()})),
                env=environment(os.environ),
                stdin=jobs,
                stdout=self._output,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C reaches this process, which ends its workers in order
            )
        self.descriptor = os.pidfd_open(self._process.pid)

    def report(self) -> WorkerReport:
        """Return the report of a process that has ended."""
        status = self._process.wait()
        output, errors = (self._read(file) for file in (self._output, self._errors))
        os.close(self.descriptor)
        if status == 0:
            return decode(WorkerReport, output, "the worker's report")
        said = errors.decode(errors="replace").strip().splitlines()
        reason = f"the worker ended with status {status}" + (f": {said[-1]}" if said else "")
        return WorkerReport(None, "", None, reason, 0.0)

    def terminate(self) -> None:
        """Ask the process to end."""
        self._process.terminate()

    def end(self) -> None:
        """Wait until the process has ended, or kill it."""
        try:
            self._process.wait(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self.descriptor)
        self._output.close()
        self._errors.close()

    @staticmethod
    def _read(file: IO[bytes]) -> bytes:
        with file:
            file.seek(0)
            return file.read()
