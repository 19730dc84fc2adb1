"""A benchmark: cells to results. Cells whose results are kept do not run again."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

from emulator.bench.cells import Cell
from emulator.bench.costs import Costs, Remaining
from emulator.bench.fingerprint import Need, key, needs_of, sha256_of_task
from emulator.bench.pool import Pool
from emulator.bench.results import VERSION, CellResult, Environment, Processors
from emulator.bench.store import ResultStore
from emulator.bench.worker import WorkerJob, WorkerReport
from emulator.cpu.model import OWN_STAGES
from emulator.kernel.choose import choose
from emulator.kernel.kinds import Clock
from emulator.options import RunOptions
from emulator.outside.runner import RunSettings, settle
from emulator.overlays.ways import way_of
from emulator.system.errors import EmulationError
from emulator.task import Task
from emulator.workloads import workload
from emulator.workloads.model import WorkloadRequest
from gtsdsl import __version__


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a benchmark.

    ``running`` are the cells that run now. ``kept`` cells of ``total`` were measured before, and ``ended`` have ended,
    with those. ``left_s`` is an estimate of the wall time until all have.
    """

    running: tuple[Cell, ...]
    kept: int
    ended: int
    total: int
    left_s: float


def run(
    cells: Sequence[Cell],
    options: RunOptions,
    store: ResultStore,
    pool: Pool,
    *,
    fail_fast: bool,
    show: Callable[[Progress], None],
) -> Generator[tuple[Cell, CellResult], None, None]:
    """Yield each cell with its result: first those whose results are kept, then the others as they end.

    The cells that take longest start first, so that no worker is idle while a last long one runs. ``show`` is called
    while cells run, and before each of them is yielded. ``pool`` runs the cells; it is closed at the end. A cell that
    fails has a result with an error, which is not kept. With ``fail_fast``, it is the last one.

    Raises:
        EmulationError: a workload's program is missing, no kernel can run the cells, or a result cannot be written.
    """
    requests = [cell.task.workload for cell in cells if cell.task.workload is not None]
    lacks = dict.fromkeys(lack for request in requests for lack in workload(request.name).lacks(request))
    if lacks:
        raise EmulationError("; ".join(lacks))
    prepared = {request: workload(request.name).prepare(request) for request in dict.fromkeys(requests)}
    choice = choose(options.kernel, options.clock)
    costs = Costs(is_virtual=choice.clock is not Clock.REAL)
    missing = []
    for cell in cells:
        settings = settle(options, choice, cell.memory_bytes)
        needs = needs_of(cell.task, settings)
        keyed = _Keyed(cell, settings, needs, key(sha256_of_task(cell.task), settings, needs))
        kept = store.get(keyed.key)
        if kept is None:
            missing.append(keyed)
        else:
            costs.add(cell, kept)
            # the same cell may have been measured in another part, or between hosts by another name
            yield cell, replace(kept, part=cell.part, circuit=cell.circuit, network=cell.network, variant=cell.variant)
    if not missing:
        return
    missing.sort(key=lambda item: costs.estimate_s(item.cell), reverse=True)
    remaining = Remaining(costs, [item.cell for item in missing])
    kept_count = ended = len(cells) - len(missing)
    running: tuple[Cell, ...] = ()
    with pool:

        def show_running(items: Sequence[_Keyed]) -> None:
            nonlocal running
            running = tuple(item.cell for item in items)
            show(Progress(running, kept_count, ended, len(cells), remaining.left_s(running)))

        jobs = ((item, item.job(_prepared(item.cell.task, prepared), options)) for item in missing)
        for item, report in pool.run(jobs, show_running):
            ended += 1
            result = _result(item, report)
            remaining.end(item.cell, result)
            if result.error is None:
                store.put(result)
            running = tuple(cell for cell in running if cell is not item.cell)
            show(Progress(running, kept_count, ended, len(cells), remaining.left_s(running)))
            yield item.cell, result
            if result.error is not None and fail_fast:
                return


@dataclass(frozen=True, slots=True)
class _Keyed:
    """A cell with the settings of its run, what it needs, and its key."""

    cell: Cell
    settings: RunSettings
    needs: tuple[Need, ...]
    key: str

    def job(self, task: Task, options: RunOptions) -> WorkerJob:
        """Return the cell, as its prepared ``task``, for a worker."""
        cell = self.cell
        return WorkerJob(task, options, cell.memory_bytes, self.key, sha256_of_task(cell.task), self.needs)


def _prepared(task: Task, prepared: Mapping[WorkloadRequest, WorkloadRequest]) -> Task:
    return task if task.workload is None else replace(task, workload=prepared[task.workload])


def _result(item: _Keyed, report: WorkerReport) -> CellResult:
    cell, settings, request = item.cell, item.settings, item.cell.task.workload
    if request is None:
        raise AssertionError("a cell has a workload")
    kernel = settings.choice.kernel
    environment = Environment(
        kernel="native" if kernel is None else kernel.version,
        clock=settings.choice.clock.value,
        gtsdsl=__version__,
        agent=report.agent,
        store=report.store,
    )
    return CellResult(
        version=VERSION,
        key=item.key,
        testbed=cell.task.plan.testbed,
        network=cell.network,
        hosts=request.hosts,
        overlay=cell.overlay,
        circuit=cell.circuit,
        workload=cell.workload,
        level=cell.level,
        repetition=cell.repetition,
        seed=cell.task.plan.seed,
        environment=environment,
        measured=report.measured,
        error=report.error,
        wall_s=round(report.wall_s, 3),
        duration_s=request.duration_s,
        settings=request.settings,
        memory_bytes=settings.memory_bytes,
        cpu=_processors(cell),
        part=cell.part,
        variant=cell.variant,
        scenario=report.scenario,
    )


def _processors(cell: Cell) -> Processors | None:
    task, cpu = cell.task, cell.task.plan.cpu
    if cpu is None or task.workload is None or task.overlay is None:
        return None
    stages = OWN_STAGES if cell.level == "hosts" else way_of(task.overlay).stages
    cpus = {host: cpu.cpus[host] for host in task.workload.hosts}
    return Processors(cpu.table, cpu.sha256, cpu.offload, cpus, tuple(stages), cpu.limits)
