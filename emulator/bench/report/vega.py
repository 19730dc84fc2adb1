"""Plots to Vega-Lite, and from there to SVG, PDF and PNG: one specification for the page and for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt
import vl_convert

from emulator.bench.report.model import Axis, DotPlot, LinePlot, Plot
from emulator.bench.report.palette import GRID, INK, MUTED, PAPER, style_of
from gtsdsl.draw.lettering import FAMILY
from gtsdsl.text import printable

_WIDTH = 290
"""The width of the field of a plot in pixels. With its axis, a plot is as wide as a phone or as a paper's column."""
_HEIGHT = 190
_ROW = 11
"""The height of an overlay's row of a plot of dots."""
_LABELS = 30
"""The width that the names of categories take more than the numbers of an axis."""
_PNG_SCALE = 3
"""A PNG has three of its pixels for each of the page's: 288 dots an inch."""
_LABEL = 150


@dataclass(frozen=True, slots=True)
class Drawn:
    """A plot in the formats of its files."""

    svg: str
    pdf: bytes
    png: bytes


def draw(plot: Plot, overlays: Sequence[str]) -> Drawn:
    """Return a plot in all formats; ``overlays`` are those of the report, in their order."""
    svg = vl_convert.vegalite_to_svg(specification(plot, overlays), allowed_base_urls=[])
    return Drawn(svg, vl_convert.svg_to_pdf(svg), vl_convert.svg_to_png(svg, scale=_PNG_SCALE))


def specification(plot: Plot, overlays: Sequence[str]) -> dict[str, object]:
    """Return a plot in Vega-Lite. Texts of results are values of data, which Vega-Lite does not evaluate."""
    chart = _lines(plot, overlays) if isinstance(plot, LinePlot) else _dots(plot, overlays)
    themed = (
        chart.properties(title=printable(plot.title, 60))
        .configure(font=FAMILY, background=PAPER, padding=6)
        .configure_view(stroke=GRID)
        .configure_axis(
            gridColor=GRID, domainColor=MUTED, tickColor=MUTED, labelColor=INK, titleColor=INK, titleFontWeight="normal"
        )
        .configure_title(color=INK, fontSize=12, anchor="start", frame="bounds")
        .configure_legend(labelColor=INK, labelLimit=_LABEL, symbolStrokeWidth=2, symbolSize=60)
    )
    found: dict[str, object] = themed.to_dict()
    return found


def _lines(plot: LinePlot, overlays: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    names = [line.overlay for line in plot.lines]
    rows = [
        {"overlay": name, "x": x, "y": y, "order": index}
        for line in plot.lines
        for name in [printable(line.overlay, 40)]
        for index, (x, y) in enumerate(line.points)
    ]
    points = [point for line in plot.lines for point in line.points]
    base = alt.Chart(alt.InlineData(rows), width=_WIDTH, height=_HEIGHT).encode(
        x=alt.X("x:Q", title=plot.x.title, scale=_scale(plot.x, [row[0] for row in points]), axis=_ticks(plot.x)),
        y=alt.Y("y:Q", title=plot.y.title, scale=_scale(plot.y), axis=_ticks(plot.y)),
        color=_colour(names, overlays),
    )
    if plot.is_marked:  # without dashes, which the legend would draw round its marks
        line = base.mark_line(strokeWidth=1.6).encode(order="order:Q")
        point = base.mark_point(filled=True, size=45, opacity=1).encode(shape=_shape(names, overlays))
        return alt.layer(*_marks(plot), line, point) if plot.marks else alt.layer(line, point)
    # lines that cover each other stay visible, because those above are thinner
    widths = [max(1.2, 3 - 0.5 * index) for index in range(len(names))]
    line = base.mark_line(interpolate="step-after" if plot.is_step else "linear").encode(
        strokeDash=_dash(names, overlays),
        strokeWidth=alt.StrokeWidth(
            "overlay:N", scale=alt.Scale(type="ordinal", domain=_shown(names), range=widths), legend=None
        ),
        order="order:Q",
    )
    return alt.layer(*_marks(plot), line) if plot.marks else alt.layer(line)


def _marks(plot: LinePlot) -> tuple[alt.Chart, alt.Chart]:
    """Return the vertical lines of a plot and their labels, which stand beside the lines, from the top down."""
    rows = [{"at": mark.x, "label": printable(mark.label, 30)} for mark in plot.marks]
    base = alt.Chart(alt.InlineData(rows)).encode(x=alt.X("at:Q"))
    rule = base.mark_rule(color=MUTED, strokeDash=[3, 3], strokeWidth=1)
    label = base.mark_text(color=MUTED, angle=270, align="right", baseline="bottom", dx=-2, dy=-2, fontSize=8)
    return rule, label.encode(text="label:N", y=alt.value(0))


def _dots(plot: DotPlot, overlays: Sequence[str]) -> alt.LayerChart | alt.FacetChart:
    names = list(dict.fromkeys(dot.overlay for dot in plot.dots))
    categories = list(dict.fromkeys(printable(dot.category, 40) for dot in plot.dots))
    rows = [
        {
            "overlay": printable(dot.overlay, 40),
            "category": printable(dot.category, 40),
            "x": dot.value,
            "low": dot.low,
            "high": dot.high,
            "limit": dot.limit,
        }
        for dot in plot.dots
    ]
    height = alt.Step(_ROW)
    base = alt.Chart(alt.InlineData(rows), width=_WIDTH - _LABELS, height=height).encode(
        y=alt.Y(
            "category:N",
            sort=categories,
            title=None,
            axis=alt.Axis(labelLimit=150, grid=True, tickBand="extent"),
            scale=alt.Scale(paddingInner=0.35, paddingOuter=0.2),
        ),
        yOffset=alt.YOffset("overlay:N", sort=_shown(names)),
    )
    dots = base.mark_point(filled=True, size=50, opacity=1).encode(
        x=alt.X("x:Q", title=plot.x.title, scale=_scale(plot.x), axis=_ticks(plot.x)),
        color=_colour(names, overlays),
        shape=_shape(names, overlays),
    )
    layers = [dots]
    if any(dot.low is not None for dot in plot.dots):
        interval = base.mark_rule().encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=_colour(names, overlays))
        layers.insert(0, interval)
    if any(dot.limit is not None for dot in plot.dots):
        layers.insert(0, base.mark_tick(thickness=2, size=_ROW, color=MUTED).encode(x=alt.X("limit:Q")))
    return alt.layer(*layers)


def _scale(axis: Axis, values: Sequence[float] = ()) -> alt.Scale:
    """Return a scale; one for ``values`` that are all the same shows a little on both sides, so that it has ticks."""
    if axis.scale == "log":
        return alt.Scale(type="log", base=2, nice=True)
    if values and min(values) == max(values) and not axis.from_zero:
        beside = max(1e-3, 1e-4 * abs(values[0]))
        return alt.Scale(domain=[values[0] - beside, values[0] + beside], nice=False)
    return alt.Scale(zero=axis.from_zero, nice=True)


def _ticks(axis: Axis) -> alt.Axis:
    return alt.Axis(tickCount=5, labelOverlap="greedy", format="~f" if axis.scale == "log" else alt.Undefined)


def _shown(names: Sequence[str]) -> list[str]:
    return [printable(name, 40) for name in names]


def _colour(names: Sequence[str], overlays: Sequence[str]) -> alt.Color:
    scale = alt.Scale(domain=_shown(names), range=[style_of(name, overlays).light for name in names])
    return alt.Color("overlay:N", scale=scale, legend=_legend(len(names)))


def _dash(names: Sequence[str], overlays: Sequence[str]) -> alt.StrokeDash:
    scale = alt.Scale(domain=_shown(names), range=[list(style_of(name, overlays).dash) for name in names])
    return alt.StrokeDash("overlay:N", scale=scale, legend=_legend(len(names)))


def _shape(names: Sequence[str], overlays: Sequence[str]) -> alt.Shape:
    scale = alt.Scale(domain=_shown(names), range=[style_of(name, overlays).mark for name in names])
    return alt.Shape("overlay:N", scale=scale, legend=_legend(len(names)))


def _legend(count: int) -> alt.Legend:
    return alt.Legend(orient="bottom", columns=2 if count > 1 else 1, title=None)
