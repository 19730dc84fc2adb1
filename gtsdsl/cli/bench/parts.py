"""The parts of a benchmark: each a topology with its own options, of which all cells run as one benchmark."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import click

from emulator.bench.as_measured import misfit
from emulator.bench.cells import Cell, UnknownCircuitError, affordable, cells_of, matrix_of, require_few
from emulator.bench.options import BenchOptions
from emulator.bench.origin import topology
from emulator.bench.results import CostTableText, Topology, Variant
from emulator.cpu.shipped import NONE
from emulator.plan import Options, plan
from emulator.plan.cpu import check_names, check_scenario
from emulator.system.errors import EmulationError
from gtsdsl.circuits import Circuits
from gtsdsl.cli.bench.choice import overridden, with_settings
from gtsdsl.cli.bench.matrix_file import MatrixFile
from gtsdsl.cli.circuit_options import custom_circuits, require_effect
from gtsdsl.cli.network import NetworkOptions, Offload, read_scenario_of, read_testbed
from gtsdsl.cli.plan_options import plan_options
from gtsdsl.text import printable


@dataclass(frozen=True, slots=True)
class Benchmark:
    """The cells, topologies and cost tables of all parts, and a sentence about each part and overlay left out."""

    cells: tuple[Cell, ...]
    topologies: tuple[Topology, ...]
    left_out: tuple[str, ...]
    cost_tables: tuple[CostTableText, ...]


def benchmark_of(parts: Sequence[MatrixFile], bench: BenchOptions, network: NetworkOptions) -> Benchmark:
    """Return the benchmark of parts; the options of the command line come before those of each part.

    Raises:
        click.BadParameter: options of processors contradict each other.
        EmulationError: a part cannot be measured (see `cells_of`), or no part as the study measured it.
    """
    misfits: list[str | None] = []
    cells: list[Cell] = []
    topologies: list[Topology] = []
    left_out: list[str] = []
    tables: dict[str, CostTableText] = {}
    for part in parts:
        chosen, around = with_settings(overridden(bench, part), part), overridden(network, part)
        if part.name and (chosen.each_cpus or chosen.each_offload) and around.cpu_model == NONE:
            left_out.append(f"the part {part.name} is left out, because it needs a cost table: add --cpu-model")
            continue
        testbed = read_testbed(str(part.topology), around)
        custom = custom_circuits(around)
        matrix = matrix_of(chosen, around.seed, part.overlays)
        scenario = read_scenario_of(testbed, around, allow_programs=chosen.allow_programs)
        if scenario is not None and matrix.point_to_point:
            raise EmulationError("--point-to-point has networks of two hosts only: omit it, or --scenario")
        for variant, varied in _variants(chosen, around):
            options = _plan_options(varied, variant, custom)
            whole = plan(testbed, options)
            require_effect(varied, custom, whole)
            check_scenario(whole, scenario)
            overlays, sentences = affordable(matrix.overlays, options.cpu)
            left_out += sentences
            try:
                found = cells_of(testbed, options, replace(matrix, overlays=overlays, scenario=scenario))
            except UnknownCircuitError as error:
                is_of_file = part.circuits_at is not None and chosen.circuits == part.values["circuits"]
                raise UnknownCircuitError(f"{part.circuits_at}: {error}" if is_of_file else str(error)) from None
            require_few(len(cells) + len(found.cells))
            check_names(whole, options.cpu, {name for cell in found.cells for name in cell.task.container_names})
            cells += (replace(cell, part=part.name, variant=variant) for cell in found.cells)
            left_out += found.left_out
            if options.cpu is not None:
                table = options.cpu.table
                tables[table.sha256] = CostTableText(table.name, table.sha256, table.text)
        misfits.append(misfit(testbed, matrix.overlays) if matrix.as_measured else None)
        shown = topology(testbed, custom)
        topologies += [shown] if shown not in topologies else []
    if not misfits:
        raise EmulationError("; ".join(left_out))
    if all(misfits):
        raise EmulationError(f"--as-measured: {misfits[0]}")
    return Benchmark(tuple(cells), tuple(topologies), tuple(dict.fromkeys(left_out)), tuple(tables.values()))


def _variants(bench: BenchOptions, network: NetworkOptions) -> Iterator[tuple[Variant, NetworkOptions]]:
    """Yield each combination of ``--each-cpus`` and ``--each-offload`` once, with the options of its network."""
    if bench.each_offload and network.offload == "off":
        raise click.BadParameter("the offload is given twice: omit --offload", param_hint="--each-offload")
    for cpus, offload in itertools.product(_once(bench.each_cpus), _once(bench.each_offload)):
        own = replace(network, cpus=(*network.cpus, cpus)) if cpus else network
        yield Variant(cpus, offload), replace(own, offload=_offload(offload)) if offload else own


def _once(words: Sequence[str]) -> Sequence[str]:
    return tuple(dict.fromkeys(words)) or ("",)


def _offload(word: str) -> Offload:
    if word not in ("on", "off"):
        raise click.BadParameter(f"`{printable(word, 80)}` is neither on nor off", param_hint="--each-offload")
    return "on" if word == "on" else "off"


def _plan_options(network: NetworkOptions, variant: Variant, custom: Circuits | None) -> Options:
    """Return the options of a variant's plan; an error about its processors names ``--each-cpus``."""
    try:
        return plan_options(network, custom)
    except click.BadParameter as error:
        if variant.cpus and error.param_hint == "--cpus":
            error.param_hint = "--each-cpus"
        raise
