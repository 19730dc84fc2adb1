"""A matrix of cells: a topology, overlays, pairs of hosts, workloads and repetitions to the tasks of all cells."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from emulator.bench.as_measured import plan_options
from emulator.bench.options import BenchOptions
from emulator.bench.results import Network, Variant, place_words
from emulator.cpu.model import missing_stages
from emulator.options import HostOptions, OverlayOptions
from emulator.outside.request import RunRequest, request_run
from emulator.overlays import names as overlay_names
from emulator.overlays import overlay_class
from emulator.overlays.model import OverlaySpec
from emulator.overlays.pairs import joined
from emulator.plan import Options, Plan
from emulator.plan.build import with_seed
from emulator.plan.cpu import CpuChoice
from emulator.stores.placement import store_places
from emulator.system.errors import EmulationError, UnknownNameError
from emulator.task import Task
from emulator.workloads import names as workload_names
from emulator.workloads import workload
from emulator.workloads.base import Subject
from emulator.workloads.model import Level, Setting, WorkloadRequest
from emulator.workloads.settings import parse, texts
from gtsdsl.model.testbed import Testbed
from gtsdsl.scenario.model import Scenario
from gtsdsl.text import did_you_mean, printable, quantity
from gtsdsl.topology.cut import cut_out

DEFAULT_OVERLAYS = ("none", "flannel")
DEFAULT_WORKLOADS = ("latency", "throughput")
ALL = "all"
"""The circuit of a cell that measures the whole network, and the name of all overlays or all workloads."""
MOST_CELLS = 50_000
"""The most cells of a benchmark: a cell takes a second or more."""
_MOST_NAMED = 8
"""The most circuits that an error names."""


class UnknownCircuitError(UnknownNameError):
    """A topology has no circuit of this name; the message has the nearest name."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """The measurements of a benchmark: each overlay with each workload between each pair, ``repetitions`` times.

    ``circuits`` are the wanted pairs, as ``AMS-MIL`` or ``h1-h2``; empty means all pairs that a circuit or switches
    join. ``levels`` are measured side by side. ``settings`` are by the workload's name. The seed of a repetition is
    ``seed`` and its number. With ``point_to_point``, each pair is measured in a network of its own, which has only the
    two hosts and what joins them. With ``as_measured``, an overlay of the study has the delays that the study measured
    over it (`gtsdsl.circuits.as_measured`).
    """

    overlays: tuple[OverlayOptions, ...]
    workloads: tuple[str, ...]
    circuits: tuple[str, ...] = ()
    levels: tuple[Level, ...] = ("containers",)
    repetitions: int = 1
    duration_s: float = 10.0
    seed: int = 1
    settings: Mapping[str, tuple[Setting, ...]] = field(default_factory=dict)
    point_to_point: bool = False
    as_measured: bool = False
    scenario: Scenario | None = None
    """The schedule of each cell's network while it is measured."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One measurement: where it is in the matrix, and the task that does it.

    ``circuit`` names the pair of hosts, by their sites if these are two (``AMS-MIL``), else by the hosts. It is
    ``all`` for a workload that measures the whole network, and ``store at AMS`` for one that measures with the store at
    each site.
    """

    overlay: str
    circuit: str
    workload: str
    level: Level
    repetition: int
    task: Task
    memory_bytes: int
    network: Network = "whole"
    part: str = ""
    variant: Variant = field(default_factory=Variant)

    @property
    def label(self) -> str:
        """The cell in a line: ``flannel:vxlan AMS-MIL latency containers 1``."""
        place = place_words(self.part, self.circuit, self.network, self.variant)
        return f"{self.overlay} {place} {self.workload} {self.level} {self.repetition}"


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of a matrix, and a sentence about each overlay that a workload of the matrix cannot measure."""

    cells: tuple[Cell, ...]
    left_out: tuple[str, ...] = ()


def cells_of(testbed: Testbed, options: Options, matrix: Matrix) -> Cells:
    """Return the cells of a matrix, in the order of workloads, circuits, overlays and repetitions.

    Raises:
        EmulationError: an overlay, a workload, a setting or a circuit is unknown, or an overlay cannot run on the
            topology.
    """
    for name in matrix.settings:
        if name not in matrix.workloads:
            workload(name)
            raise EmulationError(f"there are settings of {name}, which is not measured: add it to --workloads")
    settings = {
        name: texts(parse(workload(name).settings, matrix.settings.get(name, ()), name)) for name in matrix.workloads
    }
    if not matrix.overlays:
        raise EmulationError("no overlay to measure: name one, such as none")
    options_of = [
        (overlay, plan_options(options, overlay) if matrix.as_measured else options) for overlay in matrix.overlays
    ]
    whole = _place(testbed, options_of)
    pairs = _wanted(matrix.circuits, pairs_of(whole.plan))
    if matrix.point_to_point:
        own = {name: _pair_place(testbed, options_of, whole.plan, pair) for name, pair in pairs.items()}
    else:
        own = {name: replace(whole, hosts=pair) for name, pair in pairs.items()}
    stores = len(store_places(testbed, options.circuits))
    _require_few(matrix, {"pair": len(pairs), "store": stores, "network": 1})
    plans: dict[tuple[int, int], Plan] = {}
    cells: list[Cell] = []
    left_out = []
    for name in matrix.workloads:
        measure = workload(name)
        fitting = []
        for label, request in whole.requests.items():
            if (reason := measure.misfit(_spec(request))) is None:
                fitting.append(label)
            else:
                left_out.append(f"{name} does not measure {label}, because {reason}")
        if measure.subject == "store":
            places = _store_places(testbed, options_of, whole)
        else:
            places = own if measure.subject == "pair" else {ALL: whole}
        levels = [level for level in matrix.levels if level in measure.levels]
        for place in places.values():
            measure.check(WorkloadRequest(name, place.hosts, settings=settings[name]), place.plan)
        for (circuit, place), label, level in itertools.product(places.items(), fitting, levels):
            request = place.requests[label]
            for repetition in range(1, matrix.repetitions + 1):
                seed = matrix.seed + repetition - 1
                asked = WorkloadRequest(name, place.hosts, level, settings[name], matrix.duration_s, seed)
                if (id(request), seed) not in plans:
                    plans[id(request), seed] = with_seed(request.task.plan, seed)
                task = replace(request.task, plan=plans[id(request), seed], workload=asked, scenario=matrix.scenario)
                cells.append(Cell(label, circuit, name, level, repetition, task, request.memory_bytes, place.network))
    if not cells:
        raise EmulationError(f"nothing is left to measure: {'; '.join(left_out)}")
    return Cells(tuple(cells), tuple(left_out))


def affordable(
    overlays: Sequence[OverlayOptions], cpu: CpuChoice | None
) -> tuple[tuple[OverlayOptions, ...], tuple[str, ...]]:
    """Return the overlays whose stages a cost table has, and a sentence about each other one.

    If the table has those of none, all are returned, and `cells_of` says what is missing.
    """
    found, sentences = [], []
    for overlay in overlays:
        name, _, variant = overlay.name.partition(":")
        kind = overlay_class(name)
        way = kind.way(variant or kind.default_variant(), is_encrypted=overlay.password is not None)
        missing = () if cpu is None else missing_stages(cpu.table.stages, way.stages)
        if cpu is None or not missing:
            found.append(overlay)
        else:
            table = printable(cpu.table.name, 200)
            sentences.append(f"{overlay.name} is left out: the cost table {table} has no cost for {', '.join(missing)}")
    return (tuple(found), tuple(sentences)) if found else (tuple(overlays), ())


def _require_few(matrix: Matrix, places: Mapping[Subject, int]) -> None:
    count = sum(places[workload(name).subject] for name in matrix.workloads)
    require_few(count * len(matrix.overlays) * len(matrix.levels) * matrix.repetitions)


def require_few(cells: int) -> None:
    """Refuse a benchmark that nobody can wait for, before its cells take all memory.

    Raises:
        EmulationError: there are too many cells.
    """
    if cells > MOST_CELLS:
        raise EmulationError(
            f"the benchmark has {quantity(cells, 'cell')}, and {MOST_CELLS:,} are the most: choose fewer overlays, "
            "workloads, circuits or repetitions"
        )


@dataclass(frozen=True, slots=True)
class _Place:
    """A network in which cells are measured, by the overlay, and the hosts between which they are measured."""

    requests: Mapping[str, RunRequest]
    hosts: tuple[str, ...]
    network: Network = "whole"

    @property
    def plan(self) -> Plan:
        """The plan that the overlays share."""
        return next(iter(self.requests.values())).task.plan


_Overlays = Sequence[tuple[OverlayOptions, Options]]
"""Overlays, each with the options of its plan."""


def _place(testbed: Testbed, overlays: _Overlays) -> _Place:
    requests = {}
    for overlay, options in overlays:
        request = request_run(testbed, options, overlay, HostOptions())
        spec = _spec(request)
        requests[f"{spec.name}:{spec.variant}" if overlay.name != "none" else overlay.name] = request
    return _Place(requests, tuple(host.name for host in request.task.plan.hosts))


def _store_places(testbed: Testbed, overlays: _Overlays, whole: _Place) -> dict[str, _Place]:
    """Return the networks in which the store of the overlays that have one is at one site, for each site."""
    with_store = [(overlay, options) for overlay, options in overlays if _has_store(overlay)]
    if not with_store:
        return {}
    found = {}
    for text in store_places(testbed, with_store[0][1].circuits):
        place = _place(testbed, [(replace(overlay, store=text), options) for overlay, options in with_store])
        found[f"store at {text}"] = replace(place, hosts=whole.hosts)
    return found


def _has_store(overlay: OverlayOptions) -> bool:
    name, _, variant = overlay.name.partition(":")
    kind = overlay_class(name)
    return kind.needs_store(variant or kind.default_variant())


def _pair_place(testbed: Testbed, overlays: _Overlays, plan: Plan, hosts: tuple[str, str]) -> _Place:
    """Return the network that has only two hosts and what joins them; ``hosts`` are their names in the whole plan."""
    id_of = {host.name: host.id for host in plan.hosts}
    first, second = (id_of[name] for name in hosts)
    found = _place(cut_out(testbed, first, second), overlays)
    name_of = {host.id: host.name for host in found.plan.hosts}
    return replace(found, hosts=(name_of[first], name_of[second]), network="pair")


def _spec(request: RunRequest) -> OverlaySpec:
    if request.task.overlay is None:
        raise AssertionError("an overlay was asked for")
    return request.task.overlay


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
    raise UnknownCircuitError(f"this topology has no circuit {printable(text, 80)}; {near_name}")


def matrix_of(
    options: BenchOptions, seed: int, overlay_options: Mapping[str, OverlayOptions] = MappingProxyType({})
) -> Matrix:
    """Return the matrix that a user's options ask for; the seeds begin with ``seed``.

    ``overlay_options`` are the options of overlays, by ``weave`` or, for one variant, ``weave:sleeve``.
    """
    overlays = _each(options.overlays or DEFAULT_OVERLAYS, overlays_of_all())
    return Matrix(
        overlays=tuple(_overlay_options(name, overlay_options) for name in overlays),
        workloads=chosen_workloads(options),
        circuits=options.circuits,
        levels=("hosts", "containers") if options.hosts else ("containers",),
        repetitions=options.repetitions,
        duration_s=options.duration_s,
        seed=seed,
        settings=_settings(options.settings),
        point_to_point=options.point_to_point,
        as_measured=options.as_measured,
    )


def chosen_workloads(options: BenchOptions) -> tuple[str, ...]:
    """Return the names of the workloads that a user's options choose.

    "All" has those that run a program of the user's only if there are settings of them, which name it.
    """
    set_up = {text.partition(".")[0] for text in options.settings}
    everything = tuple(name for name in workload_names() if name in set_up or not workload(name).runs_programs)
    return _each(options.workloads or DEFAULT_WORKLOADS, everything)


def _overlay_options(name: str, options: Mapping[str, OverlayOptions]) -> OverlayOptions:
    found = options.get(name) or options.get(name.partition(":")[0])
    return OverlayOptions(name) if found is None else replace(found, name=name)


def _settings(pairs: Mapping[str, str]) -> dict[str, tuple[Setting, ...]]:
    """Return the settings of each workload from pairs such as ``throughput.congestion`` and ``bbr``."""
    found: dict[str, tuple[Setting, ...]] = {}
    for text, rest in pairs.items():
        # the command line divides at the last `=`, and a value may have one, such as a path or a command
        key, equals, beginning = text.partition("=")
        name, dot, setting = key.partition(".")
        if not dot:
            raise EmulationError(f"{printable(text, 80)} names no setting: write WORKLOAD.SETTING=VALUE")
        found[name] = (*found.get(name, ()), Setting(setting, f"{beginning}={rest}" if equals else rest))
    return found


def overlays_of_all() -> tuple[str, ...]:
    """Return each overlay with each of its variants, the baseline ``none`` first."""
    found = [
        f"{name}:{variant}" for name in overlay_names() if name != "none" for variant in overlay_class(name).variants
    ]
    return ("none", *found)


def _each(chosen: Sequence[str], everything: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(it for name in chosen for it in (everything if name == ALL else (name,))))
