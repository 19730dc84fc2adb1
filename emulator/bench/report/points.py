"""A plot to the table of its numbers, for readers who cannot see it or who want to compute."""

from __future__ import annotations

from emulator.bench.report.model import DotPlot, LinePlot, Plot, Table
from emulator.bench.report.numbers import number

_MOST_ROWS = 40
"""The most points of a plot in its table; of more, some at equal distances are shown."""


def points_of(plot: Plot) -> Table:
    """Return the numbers of a plot, behind a line that opens them."""
    return _of_lines(plot) if isinstance(plot, LinePlot) else _of_dots(plot)


def _of_lines(plot: LinePlot) -> Table:
    if plot.is_step:  # each line has its own x, so quantiles are the rows
        parts = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
        quantiles = tuple(
            (line.overlay, *(number(next(x for x, y in line.points if y >= part - 1e-9), 4) for part in parts))
            for line in plot.lines
        )
        names = ("overlay", "least", "25 %", "median", "75 %", "90 %", "99 %", "most")
        return Table(f"Numbers of this plot: {plot.x.title}", names, quantiles, is_folded=True)
    xs = sorted({x for line in plot.lines for x, _ in line.points})
    shown = (
        xs if len(xs) <= _MOST_ROWS else [xs[round(i * (len(xs) - 1) / (_MOST_ROWS - 1))] for i in range(_MOST_ROWS)]
    )
    values = [dict(line.points) for line in plot.lines]
    rows = tuple((number(x), *(number(it.get(x)) for it in values)) for x in dict.fromkeys(shown))
    headings = (plot.x.title, *(line.overlay for line in plot.lines))
    return Table(f"Numbers of this plot: {plot.y.title}", headings, rows, is_folded=True)


def _of_dots(plot: DotPlot) -> Table:
    overlays = tuple(dict.fromkeys(dot.overlay for dot in plot.dots))
    found = {(dot.category, dot.overlay): dot.value for dot in plot.dots}
    categories = dict.fromkeys(dot.category for dot in plot.dots)
    rows = tuple((it, *(number(found.get((it, overlay))) for overlay in overlays)) for it in categories)
    return Table(f"Numbers of this plot: {plot.x.title}", (plot.categories, *overlays), rows, is_folded=True)
