"""The tables of a benchmark for a terminal: a table for each workload, a row for each circuit and overlay."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.bench.results import CellResult

_PIPE_WIDTH = 200
_SHOWN = {
    "latency": ("rtt.min", "rtt.mean", "rtt.p99", "rtt.stddev", "rtt.jitter", "rtt.lost"),
}
"""The figures of a workload that its table shows; all others are in the files."""


def tables(results: Sequence[CellResult]) -> None:
    """Print a table for each workload, with the mean over the repetitions of a cell."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    measured = [item for item in results if item.measured is not None]
    for workload in dict.fromkeys(item.workload for item in measured):
        mine = [item for item in measured if item.workload == workload and item.measured is not None]
        units = {it.name: it.unit for item in mine if item.measured is not None for it in item.measured.figures}
        shown = [name for name in _SHOWN.get(workload, tuple(units)) if name in units]
        table = Table(box=None, pad_edge=False, title=workload, title_justify="left")
        for heading in ("circuit", "overlay", "between"):
            table.add_column(heading, no_wrap=True)
        for name in shown:
            table.add_column(Text(f"{name}, {units[name]}"), justify="right", no_wrap=True)
        groups = itertools.groupby(mine, key=lambda item: (item.circuit, item.overlay, item.level))
        for (circuit, overlay, level), found in groups:
            cells = list(found)
            figures = [_mean(cells, name) for name in shown]
            table.add_row(*(Text(printable(it, 60)) for it in (circuit, overlay, level, *figures)))
        console.print(table)
        console.print()


def _mean(cells: Sequence[CellResult], name: str) -> str:
    values = [value for it in cells if it.measured is not None and (value := it.measured.figure(name)) is not None]
    return f"{sum(values) / len(values):.3f}".rstrip("0").rstrip(".") if values else ""
