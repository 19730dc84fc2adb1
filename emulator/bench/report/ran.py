"""The sections about what ran: the matrix with its versions, failed cells, the map, and the commands that repeat it."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Sequence

from emulator.bench.repeat import repeat_command
from emulator.bench.report.groups import workloads
from emulator.bench.report.model import Block, Code, Command, Paragraph, Picture, Section, Table
from emulator.bench.report.numbers import listed, number, slug
from emulator.bench.results import CellResult, Results, Topology
from emulator.system.errors import EmulationError
from gtsdsl.scenario.outcome import Happening
from gtsdsl.scenario.times import seconds_text
from gtsdsl.text import printable, quantity

_MOST_ROWS = 1000


def ran(results: Results) -> Section:
    """Return the matrix: what ran on what, with which versions, and what failed."""
    origin, machine = results.origin, results.origin.machine
    commit = "" if origin.commit is None else f", commit {origin.commit}"
    environments = list(dict.fromkeys(cell.environment for cell in results.cells if cell.environment is not None))
    rows = [
        ("date", origin.started),
        ("gtsdsl", f"{origin.gtsdsl}{commit}"),
        ("machine", f"{machine.processor}, {quantity(machine.processors, 'processor')}, "
                    f"{number(machine.memory_bytes / 2**30, 1)} GiB of memory"),
        ("system", machine.system),
        ("kernel", listed(_each(item.kernel for item in environments))),
        ("clock", listed(_each(item.clock for item in environments))),
        ("seeds", listed(_each(str(cell.seed) for cell in results.cells)[:20])),
        ("topologies", listed(_each(cell.testbed for cell in results.cells))),
        ("workloads", listed(workloads(results))),
        *_tools(results),
    ]  # fmt: skip
    blocks: list[Block] = [Table("What ran on what", ("fact", "value"), tuple(rows), texts=(1,))]
    blocks.append(_agents(results.cells))
    blocks += _happened(results.cells)
    blocks += _failed(results.cells)
    return Section("ran", "What ran", tuple(blocks))


def _each(texts: Iterator[str] | Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text for text in texts if text))


def _tools(results: Results) -> Iterator[tuple[str, str]]:
    found: dict[str, dict[str, None]] = {}
    for cell in results.cells:
        for name, version in () if cell.measured is None else cell.measured.tools.items():
            found.setdefault(name, {})[version] = None
    if found:
        yield "tools", ", ".join(f"{name} {' and '.join(versions)}".strip() for name, versions in found.items())


def _agents(cells: Sequence[CellResult]) -> Table:
    names = dict.fromkeys(cell.overlay for cell in cells)
    rows = []
    for name in names:
        its = [cell for cell in cells if cell.overlay == name]
        environments = [cell.environment for cell in its if cell.environment is not None]
        agents = _each(item.agent for item in environments)
        stores = _each(item.store or "" for item in environments)
        failed = sum(cell.error is not None for cell in its)
        real_s = sum(cell.wall_s for cell in its)
        numbers = (str(len(its)), str(failed), number(real_s, 1))
        rows.append((name, listed(agents) or "–", listed(stores) or "–", *numbers))
    headings = ("overlay", "agent", "store", "cells", "failed", "real time, s")
    return Table("Overlays, their agents and stores", headings, tuple(rows), texts=(1, 2))


def _happened(cells: Sequence[CellResult]) -> Iterator[Block]:
    """Yield the events of scenarios, which plots over time show as lines, and which all other figures contain."""
    found: dict[tuple[int, str], list[Happening]] = {}
    for cell in cells:
        for item in cell.scenario:
            found.setdefault((item.asked_ns, item.text), []).append(item)
    if not found:
        return
    rows = []
    for (asked_ns, text), its in itertools.islice(sorted(found.items()), _MOST_ROWS):
        reached = [item for item in its if item.actual_ns is not None]
        late_us = max(((item.actual_ns or 0) - asked_ns for item in reached), default=0) / 1000
        failed = sum(item.error is not None for item in its)
        numbers = (number(late_us, 3), str(len(its)), str(len(reached)), str(failed))
        rows.append((seconds_text(asked_ns), printable(text, 100), *numbers))
    caption = "Events of the scenario, during each measurement; the times count from its start"
    headings = ("at", "event", "late by up to, µs", "cells", "reached", "failed")
    yield Table(caption, headings, tuple(rows), texts=(1,))


def _failed(cells: Sequence[CellResult]) -> Iterator[Block]:
    failed = [cell for cell in cells if cell.error is not None]
    if failed:
        rows = tuple(
            (
                cell.overlay,
                cell.circuit,
                cell.workload,
                cell.level,
                str(cell.repetition),
                printable(cell.error or "", 400),
            )
            for cell in failed[:_MOST_ROWS]
        )
        caption = f"Cells that failed: {len(failed)}"
        headings = ("overlay", "circuit", "workload", "between", "repetition", "error")
        yield Table(caption, headings, rows, heads=5, texts=(5,))


def maps(results: Results) -> Section | None:
    """Return the map of each topology; None if the results have no topology."""
    blocks = [block for item in results.topologies[:_MOST_MAPS] for block in _map(item)]
    return (
        Section("map", "The topology" if len(results.topologies) == 1 else "The topologies", tuple(blocks))
        if blocks
        else None
    )


_MOST_MAPS = 20


def _map(topology: Topology) -> Iterator[Block]:
    from gtsdsl import loads
    from gtsdsl.circuits import parse_circuits
    from gtsdsl.diagnostics import GtsError
    from gtsdsl.draw import draw
    from gtsdsl.source import Source

    name = printable(topology.testbed, 60)
    try:
        own = None if topology.circuits is None else parse_circuits(Source("results.json", topology.circuits))
        svg = draw(loads(topology.gts_json), "svg", own).decode()
    except (GtsError, EmulationError, ValueError) as error:
        yield Paragraph((f"The topology {name} cannot be drawn: {printable(str(error), 200)}",), "warning")
        return
    about = f"Map of {name}: its sites, and its circuits with their round-trip times."
    yield Picture(f"map-{slug(topology.testbed)}", name, about, svg)


def repeat(results: Results) -> Section:
    """Return the command that repeats all, and one for each cell."""
    blocks: list[Block] = [
        Command(shlex.join(["gtsdsl", *results.command]), "This command repeats the whole benchmark:"),
    ]
    cells = [cell for cell in results.cells if cell.repetition == 1] or list(results.cells)
    rows = tuple(
        (cell.where, cell.overlay, cell.workload, cell.level, shlex.join(repeat_command(results, cell)))
        for cell in itertools.islice(cells, _MOST_ROWS)
    )
    headings = ("circuit", "overlay", "workload", "between", "command")
    caption = f"Commands that repeat one cell ({quantity(len(cells), 'command')})"
    blocks.append(
        Paragraph(
            (
                "A cell runs again if its result is not in the folder. For another repetition, replace the number of ",
                Code("--seed"),
                " by that repetition's.",
            ),
            "note",
        )
    )
    blocks.append(Table(caption, headings, rows, heads=4, is_folded=True, commands=(4,)))
    return Section("repeat", "Repeat it", tuple(blocks))
