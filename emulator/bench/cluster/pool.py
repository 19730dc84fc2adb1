"""A pool whose workers are those of a Dask cluster: each cell goes to a worker that can give a result of its key."""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from emulator.bench.cluster import remote
from emulator.bench.cluster.connection import ClusterTask, Connection, SchedulerGoneError, scheduler_address
from emulator.bench.cluster.manifest import cluster_job
from emulator.bench.cluster.members import Member, Preparation
from emulator.bench.cluster.messages import ClusterJob
from emulator.bench.cluster.reports import read_report
from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.system.closing import Closing
from emulator.system.decode import encode
from emulator.system.errors import EmulationError, in_a_line
from gtsdsl.text import printable

_Item = TypeVar("_Item")
_LOOK_S = 0.5
_LONGEST = 300


@dataclass(eq=False)
class _Cell(Generic[_Item]):
    """A cell that waits or runs. ``losses`` counts the workers that went away with it."""

    item: _Item
    job: ClusterJob
    losses: int = 0
    member: Member | None = None
    task: ClusterTask | None = None


class ClusterPool(Closing):
    """Runs the jobs of items on a cluster: on each worker as many at a time as it has threads."""

    def __init__(self, address: str, warn: Callable[[str], None], most: int | None = None) -> None:
        """``warn`` takes sentences about workers that are not used. ``most`` limits the cells that run at a time.

        Raises:
            EmulationError: the address is malformed, or Dask is missing.
        """
        self._address = scheduler_address(address)
        self._warn = warn
        self._most = most
        self._members: dict[str, Member] = {}
        self._ended: queue.SimpleQueue[ClusterTask | None] = queue.SimpleQueue()
        self._said: set[str] = set()

    def __enter__(self) -> ClusterPool:
        """Connect to the scheduler.

        Raises:
            EmulationError: no scheduler answers.
        """
        self._connection = Connection(self._address)
        self._preparation = Preparation(self._connection, lambda: self._ended.put(None))
        return self

    def close(self) -> None:
        """Cancel the cells that run on the cluster."""
        self._connection.close()

    def run(
        self, jobs: Iterable[tuple[_Item, WorkerJob]], show: Callable[[Sequence[_Item]], None]
    ) -> Iterator[tuple[_Item, WorkerReport]]:
        """Yield each item with the report of its job, as `Pool.run`.

        Raises:
            EmulationError: the scheduler has gone away, or a file that a cell needs cannot be read.
        """
        waiting = (_Cell(item, cluster_job(job)) for item, job in jobs)
        again: deque[_Cell[_Item]] = deque()
        running: dict[ClusterTask, _Cell[_Item]] = {}
        while True:
            for lost in self._lost(running):
                yield from self._again(lost, again)
            while (cell := again.popleft() if again else next(waiting, None)) is not None:
                if (lack := self._lack(cell)) is not None:
                    yield cell.item, _failed(lack)
                elif (task := self._start(cell, len(running))) is None:
                    again.appendleft(cell)
                    break
                else:
                    running[task] = cell
            if not running and not again:
                return
            show([cell.item for cell in running.values()])
            for ended in (running.pop(task) for task in self._wait() if task in running):
                report = self._report(ended)
                if report is None:
                    yield from self._again(ended, again)
                else:
                    yield ended.item, report

    def _wait(self) -> list[ClusterTask]:
        """Return the tasks that have ended, after at most some time without one."""
        found = []
        try:
            found.append(self._ended.get(timeout=_LOOK_S))
            while True:
                found.append(self._ended.get_nowait())
        except queue.Empty:
            return [task for task in found if task is not None]

    def _lost(self, running: dict[ClusterTask, _Cell[_Item]]) -> list[_Cell[_Item]]:
        """Look which workers there are now; return the cells whose workers have gone away, which run no more."""
        threads = self._connection.workers()
        for address in self._members.keys() - threads.keys():
            del self._members[address]
        for address in threads.keys() - self._members.keys():
            member = self._members[address] = Member(address, threads[address])
            self._preparation.greet(member)
        if not threads:
            self._say(f"{self._address} has no worker: the benchmark waits for one; `dask worker` starts one")
        for member in self._members.values():
            if member.refusal is not None:
                self._say(f"the worker {member.title} is not used: {member.refusal}")
        gone = {task: cell for task, cell in running.items() if cell.member not in self._members.values()}
        for task, cell in gone.items():
            del running[task]
            self._connection.forget(task)
            cell.losses += 1
        return list(gone.values())

    def _again(self, cell: _Cell[_Item], again: deque[_Cell[_Item]]) -> Iterator[tuple[_Item, WorkerReport]]:
        """Let a cell run again, or yield its failure if it has lost too many workers."""
        if cell.losses > self._connection.allowed_failures:
            last = "" if cell.member is None else f", the last of which was {cell.member.title}"
            yield cell.item, _failed(f"{cell.losses} workers went away while they ran it{last}")
        else:
            again.append(cell)

    def _lack(self, cell: _Cell[_Item]) -> str | None:
        """Return why no worker of the cluster can run a cell; None if one can, or may when it has been greeted."""
        lacks = {member: member.lack(cell.job.job.needs) for member in self._members.values()}
        if not lacks or None in lacks.values():
            return None
        member, lack = next(iter(lacks.items()))
        others = f"; {len(lacks) - 1} more cannot either" if len(lacks) > 1 else ""
        return f"no worker of the cluster can run it: {member.title}: {lack}{others}"

    def _start(self, cell: _Cell[_Item], running: int) -> ClusterTask | None:
        """Start a cell on a worker that is ready for it; let the others get its files."""
        needs, manifest = cell.job.job.needs, cell.job.manifest
        fitting = [it for it in self._members.values() if it.is_greeted and it.lack(needs) is None]
        for member in fitting:
            if manifest.name not in member.ready and not member.is_busy:
                self._preparation.send(member, manifest)
        free = [it for it in fitting if manifest.name in it.ready and it.running < it.slots]
        if not free or (self._most is not None and running >= self._most):
            return None
        member = max(free, key=lambda it: it.slots - it.running)
        cell.member = member
        member.running += 1
        cell.task = self._connection.start(member.address, remote.run_cell, encode(cell.job))
        cell.task.add_done_callback(self._ended.put)
        return cell.task

    def _report(self, cell: _Cell[_Item]) -> WorkerReport | None:
        """Return the report of a cell whose task has ended; None if the cell must run again."""
        member, task = cell.member, cell.task
        if member is None or task is None:
            raise AssertionError("the cell was started")
        member.running -= 1
        status, error = task.status, None
        try:
            if status == "finished":
                return self._checked(cell, member, task.result())
            error = task.exception() if status == "error" else None
        except EmulationError as refused:
            return _failed(f"the worker {member.title}: {refused}")
        except SchedulerGoneError:
            raise
        except Exception as failure:
            error = failure
        finally:
            self._connection.forget(task)
        if error is None or type(error).__name__ == "KilledWorker":  # the task was cancelled, or its worker has gone
            cell.losses += 1
        else:
            member.refusal = in_a_line(error) if isinstance(error, Exception) else type(error).__name__
        return None

    def _checked(self, cell: _Cell[_Item], member: Member, data: object) -> WorkerReport | None:
        """Return the report that a worker sent; None if its machine cannot run the cell.

        Raises:
            EmulationError: the report cannot be that of the cell.
        """
        report = read_report(cell.job.job.task, data)
        if report is None:  # somebody has removed its files
            member.ready.discard(cell.job.manifest.name)
            cell.losses += 1
            return None
        if report.misfits:
            lack = printable("; ".join(report.misfits), _LONGEST)
            member.misfits[cell.job.job.needs] = lack
            self._say(f"the worker {member.title} does not run cells such as this one: {lack}")
            return None
        return report

    def _say(self, sentence: str) -> None:
        if sentence not in self._said:
            self._said.add(sentence)
            self._warn(sentence)


def _failed(reason: str) -> WorkerReport:
    return WorkerReport(None, "", None, reason, 0.0)
