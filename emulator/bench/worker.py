"""A worker: a process that runs one cell in a guest of its own, and returns what came of it."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from emulator.bench.fingerprint import Need, differences, key, needs_of
from emulator.bench.relocate import relocated
from emulator.kernel.choose import choose
from emulator.kernel.parent import end_with
from emulator.options import RunOptions
from emulator.outside.run_task import run_task
from emulator.outside.runner import RunSettings, require_packages, settle
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from emulator.system.signals import signals_as_exit
from emulator.task import Task
from emulator.workloads import workload
from emulator.workloads.model import WorkloadResult
from gtsdsl.scenario.outcome import Happening


@dataclass(frozen=True, slots=True)
class WorkerJob:
    """The cell of a worker: its prepared task, the options of its run, the memory of its guest, and what it needs.

    ``key`` is the cell's key, and ``task_sha256`` the hash of its task, which is a part of the key. ``moved`` has the
    place of each file on the worker's machine, by its path in the task; None for a worker on the same machine, which
    does not compute the key again.
    """

    task: Task
    run: RunOptions
    memory_bytes: int
    key: str
    task_sha256: str
    needs: tuple[Need, ...]
    moved: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """The outcome of a worker's cell; ``error`` is None for a cell that was measured.

    ``misfits`` say why the worker's machine cannot give a result with the cell's key; then nothing was measured.
    """

    measured: WorkloadResult | None
    agent: str
    store: str | None
    error: str | None
    wall_s: float
    misfits: tuple[str, ...] = ()
    scenario: tuple[Happening, ...] = ()


def run_job(job: WorkerJob) -> WorkerReport:
    """Run a cell. An error of the cell is part of the report, and raises nothing."""
    began_s = time.monotonic()
    output = bytearray()
    task = job.task
    try:
        if job.moved is not None:
            task = relocated(task, job.moved)
            if found := tuple(_misfits(job, task)):
                return WorkerReport(None, "", None, "; ".join(found), time.monotonic() - began_s, found)
        outcome = run_task(_settings(job), _with_programs(task), output.extend, output.extend)
    except EmulationError as error:
        return WorkerReport(None, "", None, str(error), time.monotonic() - began_s)
    wall_s = time.monotonic() - began_s
    agent, store = ("", None) if outcome.overlay is None else (outcome.overlay.agent, outcome.overlay.store)
    if outcome.workload is None:
        said = output.decode(errors="replace").strip().splitlines()
        reason = said[-1].removeprefix("error: ") if said else f"it ended with status {outcome.exit_status}"
        return WorkerReport(None, agent, store, reason, wall_s)
    happened = () if outcome.scenario is None else outcome.scenario.happenings
    return WorkerReport(outcome.workload, agent, store, None, wall_s, scenario=happened)


def _with_programs(task: Task) -> Task:
    """Return a task whose workload has the paths of this machine's programs."""
    if task.workload is None:
        return task
    programs = tuple(workload(task.workload.name).programs(task.workload))
    return replace(task, workload=replace(task.workload, programs=programs))


def _settings(job: WorkerJob) -> RunSettings:
    return settle(job.run, choose(job.run.kernel, job.run.clock), job.memory_bytes)


def _misfits(job: WorkerJob, task: Task) -> Iterator[str]:
    """Yield why this machine cannot give a result with the job's key; ``task`` has the paths of this machine."""
    try:
        require_packages()
        settings = _settings(job)
        found = needs_of(task, settings)
        if task.workload is not None:
            yield from workload(task.workload.name).lacks(task.workload)
    except (EmulationError, OSError) as error:
        yield str(error)
        return
    names = tuple(differences(job.needs, found))
    yield from names
    if not names and key(job.task_sha256, settings, found) != job.key:
        clock, memory = settings.choice.clock.value, settings.memory_bytes
        yield f"its key of the cell differs (clock {clock}, {memory} bytes of memory, {len(found)} files)"


def main(parent: int) -> int:
    """Read a job from standard input, run it, and write the report to standard output; end when ``parent`` ends."""
    with signals_as_exit():
        if not end_with(parent):
            return 128 + signal.SIGTERM
        report = run_job(decode(WorkerJob, sys.stdin.buffer.read(), "the job"))
        sys.stdout.buffer.write(encode(report))
    return 0
