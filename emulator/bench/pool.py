"""Pools of workers that run jobs, behind one interface; the local pool has several processes, each with one job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar

from emulator.bench.process import WorkerProcess
from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.system.closing import Closing
from emulator.system.poll import readable

_Item = TypeVar("_Item")
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
        self._running: list[WorkerProcess] = []

    def run(
        self, jobs: Iterable[tuple[_Item, WorkerJob]], show: Callable[[Sequence[_Item]], None]
    ) -> Iterator[tuple[_Item, WorkerReport]]:
        """Yield each item with the report of its job, as `Pool.run`."""
        waiting = iter(jobs)
        item_of: dict[WorkerProcess, _Item] = {}
        while True:
            while len(self._running) < self._workers and (found := next(waiting, None)) is not None:
                worker = WorkerProcess(found[1])
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
