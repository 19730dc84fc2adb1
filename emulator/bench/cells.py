"""A matrix of cells: a topology, overlays, pairs of hosts, workloads and repetitions to the tasks of all cells."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

from emulator.bench.options import BenchOptions
from emulator.options import HostOptions, OverlayOptions
from emulator.outside.request import request_run
from emulator.overlays import names as overlay_names
from emulator.overlays import overlay_class
from emulator.overlays.pairs import joined
from emulator.plan import Options, Plan
from emulator.system.errors import EmulationError, UnknownNameError
from emulator.task import Task
from emulator.workloads import names as workload_names
from emulator.workloads import workload
from emulator.workloads.model import Level, WorkloadRequest
from gtsdsl.model.testbed import Testbed
from gtsdsl.text import did_you_mean, printable

DEFAULT_OVERLAYS = ("none", "flannel")
DEFAULT_WORKLOADS = ("latency", "throughput")
_MOST_NAMED = 8
"""The most circuits that an error names."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """What to measure: each overlay with each workload between each pair of hosts, ``repetitions`` times.

    ``circuits`` are the wanted pairs, as ``AMS-MIL`` or ``h1-h2``; empty means all pairs that a circuit or switches
    join. ``levels`` are measured side by side. The seed of a repetition is ``seed`` and its number.
    """

    overlays: tuple[OverlayOptions, ...]
    workloads: tuple[str, ...]
    circuits: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ("containers",)
    repetitions: int = 1
    duration_s: float = 10.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: where it is in the matrix, and the task that does it.

    ``circuit`` names the pair of hosts, by their sites if these are two (``AMS-MIL``), else by the hosts.
    """

    overlay: str
    circuit: str
    workload: str
    level: Level
    repetition: int
    task: Task
    memory_bytes: int

    @property
    def label(self) -> str:
        """The cell in a line: ``flannel:vxlan AMS-MIL latency containers 1``."""
        return f"{self.overlay} {self.circuit} {self.workload} {self.level} {self.repetition}"


def cells_of(testbed: Testbed, options: Options, matrix: Matrix) -> tuple[Cell, ...]:
    """Return the cells of a matrix, in the order of circuits, workloads, overlays and repetitions.

    Raises:
        EmulationError: an overlay, a workload or a circuit is unknown, or an overlay cannot run on the topology.
    """
    for name in matrix.workloads:
        workload(name)
    requests = [(it.name, request_run(testbed, options, it, HostOptions())) for it in matrix.overlays]
    if not requests:
        raise EmulationError("no overlay to measure: name one, such as none")
    pairs = _wanted(matrix.circuits, pairs_of(requests[0][1].task.plan))
    cells = []
    for (circuit, pair), name in itertools.product(pairs.items(), matrix.workloads):
        for (overlay, request), level in itertools.product(requests, matrix.levels):
            spec = request.task.overlay
            if spec is None:
                raise AssertionError("an overlay was asked for")
            for repetition in range(1, matrix.repetitions + 1):
                seed = matrix.seed + repetition - 1
                asked = WorkloadRequest(name, *pair, level=level, duration_s=matrix.duration_s, seed=seed)
                task = replace(request.task, plan=replace(request.task.plan, seed=seed), workload=asked)
                label = f"{spec.name}:{spec.variant}" if overlay != "none" else overlay
                cells.append(Cell(label, circuit, name, level, repetition, task, request.memory_bytes))
    return tuple(cells)


def pairs_of(plan: Plan) -> dict[str, tuple[str, str]]:
    """Return the pairs of hosts that a circuit or a path of switches joins, by the name of the pair.

    The name is that of the two sites, ``AMS-MIL``, if no other pair has the same two; else that of the hosts.
    """
    site_of = {host.name: host.site for host in plan.hosts}
    pairs = list(joined(plan))
    by_sites: dict[str, list[tuple[str, str]]] = {}
    for first, second in pairs:
        sites = site_of.get(first), site_of.get(second)
        if sites[0] and sites[1] and sites[0] != sites[1]:
            by_sites.setdefault("-".join(sorted(map(str, sites))), []).append((first, second))
    name_of = {found[0]: name for name, found in by_sites.items() if len(found) == 1}
    return {name_of.get(pair, "-".join(pair)): pair for pair in pairs}


def _wanted(circuits: Sequence[str], pairs: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    if not pairs:
        raise EmulationError("this topology has no two hosts that a circuit joins")
    return {name: pairs[name] for name in (_find(it, pairs) for it in circuits)} if circuits else pairs


def _find(text: str, pairs: dict[str, tuple[str, str]]) -> str:
    first, _, second = text.strip().partition("-")
    for name, (near, far) in pairs.items():
        ends = {tuple(name.casefold().split("-")), (near.casefold(), far.casefold())}
        if ends & {(first.casefold(), second.casefold()), (second.casefold(), first.casefold())}:
            return name
    known = [*itertools.islice(pairs, _MOST_NAMED), *(["…"] if len(pairs) > _MOST_NAMED else [])]
    near_name = did_you_mean(text, list(pairs)) or "the circuits are " + ", ".join(known)
    raise UnknownNameError(f"this topology has no circuit {printable(text, 80)}; {near_name}")


def matrix_of(options: BenchOptions, seed: int) -> Matrix:
    """Return the matrix that a user's options ask for; the seeds begin with ``seed``."""
    overlays = _each(options.overlays or DEFAULT_OVERLAYS, overlays_of_all())
    return Matrix(
        overlays=tuple(map(OverlayOptions, overlays)),
        workloads=_each(options.workloads or DEFAULT_WORKLOADS, workload_names()),
        circuits=options.circuits,
        levels=("hosts", "containers") if options.hosts else ("containers",),
        repetitions=options.repetitions,
        duration_s=options.duration_s,
        seed=seed,
    )


def overlays_of_all() -> tuple[str, ...]:
    """Return each overlay with each of its variants, the baseline ``none`` first."""
    found = [
        f"{name}:{variant}" for name in overlay_names() if name != "none" for variant in overlay_class(name).variants
    ]
    return ("none", *found)


def _each(chosen: Sequence[str], everything: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(it for name in chosen for it in (everything if name == "all" else (name,))))
