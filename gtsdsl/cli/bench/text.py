"""The tables of a benchmark for a terminal: a table for each workload, a row for each circuit and overlay."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from gtsdsl.text import printable

if TYPE_CHECKING:
    from rich.console import Console

    from emulator.bench.diff import Comparison
    from emulator.bench.results import CellResult

_WIDTH = 1000
"""More than a table has: a terminal wraps long lines, whereas a narrower table would lose figures."""
_SHOWN = {
    "latency": (
        *("rtt.min", "rtt.mean", "rtt.p99", "rtt.stddev", "rtt.jitter", "rtt.lost"),
        *("netperf.*.mean", "netperf.*.p99"),
    ),
    "streaming": ("clients.*.bitrate", "clients.*.lost", "clients.*.jitter"),
    "throughput": ("tcp.*", "udp.*.lost"),
    "convergence": ("start.last", "*.mended", "*.back", "*.lost", "*.join"),
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
                return f"{f'{value:#.4g}'.rstrip('.')} {unit}, "
    return ""


def tables(results: Sequence[CellResult]) -> None:
    """Print a table for each workload, with the mean over the repetitions of a cell."""
    from rich.table import Table
    from rich.text import Text

    console = _console()
    measured = [item for item in results if item.measured is not None]
    for workload in dict.fromkeys(item.workload for item in measured):
        mine = [item for item in measured if item.workload == workload and item.measured is not None]
        units = {it.name: it.unit for item in mine if item.measured is not None for it in item.measured.figures}
        shown = [name for it in _SHOWN.get(workload, ("*",)) for name in fnmatch.filter(units, it)]
        table = Table(box=None, pad_edge=False, title=workload, title_justify="left")
        for heading in ("circuit", "overlay", "between"):
            table.add_column(heading, no_wrap=True)
        for name in shown:
            table.add_column(Text(f"{name}, {units[name]}"), justify="right", no_wrap=True)
        groups = itertools.groupby(mine, key=lambda item: (item.where, item.overlay, item.level))
        for (circuit, overlay, level), found in groups:
            cells = list(found)
            figures = [_mean(cells, name) for name in shown]
            table.add_row(*(Text(printable(it, 60)) for it in (circuit, overlay, level, *figures)))
        console.print(table)
        console.print()


def differences(comparison: Comparison) -> None:
    """Print the differences between two benchmarks, and the cells that only one of them has."""
    from rich.table import Table
    from rich.text import Text

    if comparison.differences:
        table = Table(box=None, pad_edge=False)
        for heading in ("circuit", "overlay", "between", "figure"):
            table.add_column(heading, no_wrap=True)
        for heading in ("before", "after", "difference", "95 % interval"):
            table.add_column(heading, justify="right", no_wrap=True)
        for item in comparison.differences:
            percent = "" if item.percent is None else f"{item.percent:+.3g} %"
            low, high = ("", "") if item.interval is None else (f"{bound:+.4g}" for bound in item.interval)
            interval = f"{low} to {high}" if low else "one repetition"
            texts = (item.circuit, item.overlay, item.level, f"{item.workload} {item.figure}, {item.unit}")
            numbers = (_number(item.before), _number(item.after), percent, interval)
            table.add_row(*(Text(printable(it, 80)) for it in (*texts, *numbers)))
        _console().print(table)
    for when, places in (("before", comparison.only_before), ("after", comparison.only_after)):
        for overlay, circuit, workload, level in places:
            click.echo(f"only {when}: {printable(f'{overlay} {circuit} {workload} {level}', 200)}")
    click.echo(f"{len(comparison.differences)} of {comparison.compared} figures differ by more than their spread")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True, width=_WIDTH)


def _number(value: float) -> str:
    text = f"{value:.3f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _mean(cells: Sequence[CellResult], name: str) -> str:
    values = [value for it in cells if it.measured is not None and (value := it.measured.figure(name)) is not None]
    return _number(sum(values) / len(values)) if values else ""
