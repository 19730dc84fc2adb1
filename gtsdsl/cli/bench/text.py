"""The tables of a benchmark for a terminal: a table for each workload, a row for each circuit and overlay."""

from __future__ import annotations

import fnmatch
import itertools
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from emulator.bench.change import FEW, confidence
from emulator.bench.repeat import repeat_command
from gtsdsl.cli.text_table import print_table, table_console
from gtsdsl.text import printable, quantity

if TYPE_CHECKING:
    from emulator.bench.diff import Comparison
    from emulator.bench.results import CellResult, Results

_LONGEST = 2000
_SHOWN = {
    "latency": (
        *("rtt.min", "rtt.mean", "rtt.p99", "rtt.stddev", "rtt.jitter", "rtt.lost"),
        *("netperf.*.mean", "netperf.*.p99"),
    ),
    "streaming": ("clients.*.bitrate", "clients.*.lost", "clients.*.jitter"),
    "throughput": ("tcp.*", "udp.*.lost"),
    "convergence": ("start.last", "*.mended", "*.detour", "*.back", "*.lost", "*.join"),
    "store": ("start.*",),
    "encapsulation": ("*.wire_bytes", "larger.packets"),
}
"""Patterns of the figures of a workload that its table shows; all others are in the files."""
_HEADLINES = {"latency": ("rtt.mean",)}
"""The figure of a workload that stands for a cell in a line, if it is not the first one of the table."""


def headline(result: CellResult) -> str:
    """Return the first figure of a cell that its table shows, as ``36.20 ms, ``; empty if it has none."""
    if result.measured is None:
        return ""
    shown = (_HEADLINES.get(result.workload, ()), _SHOWN.get(result.workload, ()), ("*",))
    for pattern in itertools.chain.from_iterable(shown):
        for it in result.measured.figures:
            if fnmatch.fnmatch(it.name, pattern) and it.value is not None:
                value, unit = (it.value / 1000, "ms") if it.unit == "us" else (it.value, it.unit)
                return f"{f'{value:#.4g}'.rstrip('.')} {unit}".rstrip() + ", "
    return ""


@dataclass(frozen=True, slots=True)
class _Summary:
    """The table of a workload: a row for each place and overlay, of which the first columns are ``names``."""

    workload: str
    names: tuple[str, ...]
    figures: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(results: Sequence[CellResult]) -> None:
    """Print a table for each workload, with the mean over the repetitions of a cell."""
    from rich.table import Table
    from rich.text import Text

    console = table_console()
    for summary in _summaries(results):
        table = Table(box=None, pad_edge=False, title=Text(summary.workload), title_justify="left")
        for heading in summary.names:
            table.add_column(heading, no_wrap=True)
        for heading in summary.figures:
            table.add_column(Text(heading), justify="right", no_wrap=True)
        for row in summary.rows:
            table.add_row(*map(Text, row))
        print_table(console, table)
        console.print()


def markdown(results: Sequence[CellResult]) -> str:
    """Return the tables of `tables` as Markdown."""
    lines: list[str] = []
    for summary in _summaries(results):
        lines += [f"## {_escaped(summary.workload)}", ""]
        bars = ["---"] * len(summary.names) + ["---:"] * len(summary.figures)
        for row in ((*summary.names, *summary.figures), bars, *summary.rows):
            lines.append("| " + " | ".join(row if row is bars else map(_escaped, row)) + " |")
        lines.append("")
    return "\n".join(lines)


def details(results: Results, cell: CellResult) -> str:
    """Return all that is known of one cell, and the command that repeats it."""
    found, measured = cell.environment, cell.measured
    agent = [] if found is None else [f"agent: {found.agent or 'none'}", f"store: {found.store or 'none'}"]
    kernel = [] if found is None else [f"kernel: {found.kernel}", f"clock: {found.clock}", f"gtsdsl: {found.gtsdsl}"]
    lines = [
        f"{cell.overlay} {cell.where} {cell.workload} {cell.level} {cell.repetition}",
        *(f"key: {cell.key}", f"hosts: {', '.join(cell.hosts)}", *agent, *kernel, f"seed: {cell.seed}"),
        *(f"duration: {cell.duration_s:g} s", f"memory: {cell.memory_bytes // 2**20} MiB"),
        *([] if cell.cpu is None else [f"processors: {cell.cpu.label}"]),
        *(f"{cell.workload}.{it.name}: {it.value}" for it in cell.settings),
        *([f"took: {cell.wall_s:.1f} s"] if cell.error is None else [f"failed: {cell.error}"]),
    ]
    if measured is not None:
        lines += [f"tool: {name} {version}".rstrip() for name, version in measured.tools.items()]
        lines += [
            f"{it.name}: {'none' if it.value is None else _number(it.value)} {it.unit}" for it in measured.figures
        ]
        lines += [f"{it.name}: {quantity(len(it.values), 'sample')}" for it in measured.series]
        lines += [f"remark: {it}" for it in measured.remarks]
    lines.append(f"repeat: {shlex.join(repeat_command(results, cell))}")
    return "".join(f"{printable(line, _LONGEST)}\n" for line in lines)


def _summaries(results: Sequence[CellResult]) -> Iterator[_Summary]:
    has_several = len({it.testbed for it in results}) > 1
    for workload in dict.fromkeys(it.workload for it in results if it.measured is not None):
        mine = [it for it in results if it.workload == workload and it.measured is not None]
        units = {it.name: it.unit for item in mine if item.measured is not None for it in item.measured.figures}
        shown = [name for it in _SHOWN.get(workload, ("*",)) for name in fnmatch.filter(units, it)]
        names = ("topology", "circuit", "overlay", "between")
        groups: dict[tuple[str, ...], list[CellResult]] = {}
        for item in mine:
            place = (item.testbed, item.where, item.overlay, item.level)
            groups.setdefault(place[0 if has_several else 1 :], []).append(item)
        rows = ((*place, *(_mean(cells, name) for name in shown)) for place, cells in groups.items())
        yield _Summary(
            printable(workload, 60),
            names[0 if has_several else 1 :],
            tuple(printable(f"{name}, {units[name]}".removesuffix(", "), 80) for name in shown),
            tuple(tuple(printable(it, 60) for it in row) for row in rows),
        )


def _escaped(text: str) -> str:
    """Return a text that Markdown and the HTML in it take literally."""
    return re.sub(r"([\\`*_{}\[\]<>|#&])", r"\\\1", text)


def differences(comparison: Comparison) -> None:
    """Print the differences between two benchmarks, and the cells that only one of them has."""
    from rich.table import Table
    from rich.text import Text

    if comparison.differences:
        table = Table(box=None, pad_edge=False)
        for heading in ("circuit", "overlay", "between", "figure"):
            table.add_column(heading, no_wrap=True)
        for heading in ("before", "after", "difference", "95 % interval", "effect"):
            table.add_column(heading, justify="right", no_wrap=True)
        for item in comparison.differences:
            found = item.change
            percent = "" if found.percent is None else f"{found.percent:+.3g} %"
            low, high = ("", "") if found.interval is None else (f"{bound:+.4g}" for bound in found.interval)
            few = ", few repetitions" if found.repetitions < FEW else ""
            interval = f"{low} to {high}{few}" if low else confidence(found)
            effect = "" if found.effect is None else f"{found.effect:+.2g}"
            texts = (item.circuit, item.overlay, item.level, f"{item.workload} {item.figure}, {item.unit}")
            numbers = (_number(found.before), _number(found.after), percent, interval, effect)
            table.add_row(*(Text(printable(it, 80)) for it in (*texts, *numbers)))
        print_table(table_console(), table)
    for when, places in (("before", comparison.only_before), ("after", comparison.only_after)):
        for overlay, circuit, workload, level in places:
            click.echo(f"only {when}: {printable(f'{overlay} {circuit} {workload} {level}', 200)}")
    click.echo(f"{len(comparison.differences)} of {comparison.compared} figures differ by more than their spread")


def _number(value: float) -> str:
    text = f"{value:.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mean(cells: Sequence[CellResult], name: str) -> str:
    values = [value for it in cells if it.measured is not None and (value := it.measured.figure(name)) is not None]
    return _number(sum(values) / len(values)) if values else ""
