"""A worker: a process that runs one cell in a guest of its own, and returns what came of it."""

from __future__ import annotations

import signal
import sys
import time
from dataclasses import dataclass, replace

from emulator.bench.fingerprint import Need
from emulator.kernel.choose import choose
from emulator.kernel.parent import end_with
from emulator.options import RunOptions
from emulator.outside.run_task import run_task
from emulator.outside.runner import settle
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from emulator.system.signals import signals_as_exit
from emulator.task import Task
from emulator.workloads import workload
from emulator.workloads.model import WorkloadResult


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """The cell of a worker: its task, the options of its run, the memory of its guest, and what its result needs."""

    task: Task
    run: RunOptions
    memory_bytes: int
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """What came of a worker's cell; ``error`` is None for a cell that was measured."""

    measured: WorkloadResult | None
    agent: str
    store: str | None
    error: str | None
    wall_s: float


def run_job(job: WorkerJob) -> WorkerReport:
    """Run a cell. An error of the cell is part of the report, and raises nothing."""
    began_s = time.monotonic()
    output = bytearray()
    try:
        settings = settle(job.run, choose(job.run.kernel, job.run.clock), job.memory_bytes)
        outcome = run_task(settings, _with_programs(job.task), output.extend, output.extend)
    except EmulationError as error:
        return WorkerReport(None, "", None, str(error), time.monotonic() - began_s)
    wall_s = time.monotonic() - began_s
    agent, store = ("", None) if outcome.overlay is None else (outcome.overlay.agent, outcome.overlay.store)
    if outcome.workload is None:
        said = output.decode(errors="replace").strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else f"it ended with status {outcome.exit_status}"
        return WorkerReport(None, agent, store, reason, wall_s)
    return WorkerReport(outcome.workload, agent, store, None, wall_s)


def _with_programs(task: Task) -> Task:
    """Return a task whose workload has the paths of this machine's programs."""
    if task.workload is None:
        return task
    programs = tuple(workload(task.workload.name).programs(task.workload))
    return replace(task, workload=replace(task.workload, programs=programs))


def main(parent: int) -> int:
    """Read a job from standard input, run it, and write the report to standard output; end when ``parent`` ends."""
    with signals_as_exit():
        if not end_with(parent):
            return 128 + signal.SIGTERM
        report = run_job(decode(WorkerJob, sys.stdin.buffer.read(), "the job"))
        sys.stdout.buffer.write(encode(report))
    return 0
