"""The parts of a benchmark: each a topology with its own options, of which all cells run as one benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from emulator.bench.as_measured import misfit
from emulator.bench.cells import Cell, UnknownCircuitError, cells_of, matrix_of, require_few
from emulator.bench.options import BenchOptions
from emulator.bench.origin import topology
from emulator.bench.results import Topology
from emulator.plan import plan
from emulator.plan.cpu import check_hosts
from emulator.system.errors import EmulationError
from gtsdsl.cli.bench.matrix_file import MatrixFile, overridden, with_settings
from gtsdsl.cli.circuit_options import custom_circuits, require_effect
from gtsdsl.cli.network import NetworkOptions, read_scenario_of, read_testbed
from gtsdsl.cli.plan_options import plan_options


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The cells and the topologies of all parts, and a sentence about each overlay that is left out."""

    cells: tuple[Cell, ...]
    topologies: tuple[Topology, ...]
    left_out: tuple[str, ...]


def benchmark_of(parts: Sequence[MatrixFile], bench: BenchOptions, network: NetworkOptions) -> Benchmark:
    """Return the benchmark of parts; the options of the command line come before those of each part.

    Raises:
        EmulationError: a part cannot be measured (see `cells_of`), or no part as the study measured it.
    """
    misfits: list[str | None] = []
    cells: list[Cell] = []
    topologies: list[Topology] = []
    left_out: list[str] = []
    for part in parts:
        chosen, around = with_settings(overridden(bench, part), part), overridden(network, part)
        testbed = read_testbed(str(part.topology), around)
        custom = custom_circuits(around)
        options = plan_options(around, custom)
        whole = plan(testbed, options)
        require_effect(around, custom, whole)
        check_hosts(whole, options.cpu)
        matrix = matrix_of(chosen, around.seed, part.overlays)
        scenario = read_scenario_of(testbed, around, allow_programs=chosen.allow_programs)
        if scenario is not None and matrix.point_to_point:
            raise EmulationError("--point-to-point has networks of two hosts only: omit it, or --scenario")
        try:
            found = cells_of(testbed, options, replace(matrix, scenario=scenario))
        except UnknownCircuitError as error:
            is_of_file = part.circuits_at is not None and chosen.circuits == part.values["circuits"]
            raise UnknownCircuitError(f"{part.circuits_at}: {error}" if is_of_file else str(error)) from None
        require_few(len(cells) + len(found.cells))
        misfits.append(misfit(testbed, matrix.overlays) if matrix.as_measured else None)
        cells += (replace(cell, part=part.name) for cell in found.cells)
        left_out += found.left_out
        shown = topology(testbed, custom)
        topologies += [shown] if shown not in topologies else []
    if all(misfits):
        raise EmulationError(f"--as-measured: {misfits[0]}")
    return Benchmark(tuple(cells), tuple(topologies), tuple(dict.fromkeys(left_out)))
