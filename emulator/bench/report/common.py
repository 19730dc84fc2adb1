"""Parts that several sections have: tables of any figures, remarks, distributions, courses over time."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

from emulator.bench.report.groups import Group, Place, by_place, figures, labels, overlays, pictured
from emulator.bench.report.model import Axis, Bullets, Dot, Line, LinePlot, Mark, Table
from emulator.bench.report.numbers import number, slug
from emulator.workloads.model import Series
from gtsdsl.text import printable

MOST_PLOTS = 12
"""The most places of which a section has plots of their own. Tables have all places."""
_MOST_POINTS = 400
"""The most points of a line; more would make the page large and the line no finer."""
_MOST_ROWS = 4000
_MOST_MARKS = 30
_MOST_REMARKS = 6


def all_figures(groups: Sequence[Group], noun: str) -> Table:
    """Return a table of all figures of a workload, a row for each figure of each place, behind a line that opens it."""
    names = overlays(groups)
    label = labels(group.place for group in groups)
    rows = []
    for place, found in by_place(groups).items():
        of = {group.overlay: group for group in found}
        for name, unit in figures(found).items():
            means = (number(of[it].mean(name) if it in of else None) for it in names)
            rows.append((label[place], name, unit, *means))
    caption = f"All figures of {noun}: means over the repetitions"
    if len(rows) > _MOST_ROWS:
        caption += f"; {len(rows) - _MOST_ROWS:,} more rows are in results.csv"
    headings = (*("where", "figure", "unit"), *names)
    return Table(caption, headings, tuple(rows[:_MOST_ROWS]), heads=2, is_folded=True, texts=(2,))


def remarks(groups: Sequence[Group]) -> Iterator[Bullets | Table]:
    """Yield the remarks of the cells, each once, with the overlays that made it; many are behind a line."""
    found: dict[str, dict[str, None]] = {}
    for group in groups:
        for cell in group.cells:
            for remark in () if cell.measured is None else cell.measured.remarks:
                found.setdefault(remark, {})[group.overlay] = None
    rows = [(", ".join(names), printable(remark, 400)) for remark, names in itertools.islice(found.items(), _MOST_ROWS)]
    if len(rows) > _MOST_REMARKS:
        caption = f"Remarks about the figures: {len(rows)}"
        yield Table(caption, ("overlay", "remark"), tuple(rows), is_folded=True, texts=(1,))
    elif rows:
        yield Bullets(tuple((f"{names}: {remark}",) for names, remark in rows))


def distributions(groups: Sequence[Group], series: str, x: Axis, factor: float, noun: str) -> Iterator[LinePlot]:
    """Yield the distribution of a series at each place: for each value, the part of the samples that are not above.

    ``factor`` turns the unit of the series into that of the axis.
    """
    for place, found, label in _places(groups, series):
        lines = []
        for group in found:
            samples = sorted(value * factor for item in group.series(series) for value in item.values)
            if samples:
                lines.append(Line(group.overlay, _steps(samples)))
        if not lines:
            continue
        medians = "; ".join(f"{line.overlay} {number(_median(line), 4)}" for line in lines)
        title = f"{noun[0].upper()}{noun[1:]}, {label}"
        about = f"Distribution: the part of samples that are not above. Medians: {medians} ({x.title})."
        y = Axis("part of samples", from_zero=True)
        yield LinePlot(slug(noun, "cdf", *_of(place)), title, about, x, y, tuple(lines), is_step=True)


def courses(groups: Sequence[Group], series: str, y: Axis, noun: str) -> Iterator[LinePlot]:
    """Yield a series over time at each place, of the first repetition."""
    for place, found, label in _places(groups, series):
        lines = []
        marks: tuple[Mark, ...] = ()
        for group in found:
            item = next(iter(group.series(series)), None)
            if item is not None and item.values and item.interval_s:
                step_s = item.interval_s
                points = tuple(((index + 1) * step_s, value) for index, value in enumerate(item.values))
                lines.append(Line(group.overlay, thinned(points)))
                marks = marks or _marks(group, item, points[-1][0])
        if any(len(line.points) > 1 for line in lines):
            ends = "; ".join(f"{line.overlay} {number(line.points[-1][1], 1)}" for line in lines)
            about = f"Each second of the first repetition. In the last one: {ends} ({y.title})."
            if marks:
                happened = "; ".join(f"{number(mark.x, 1)} s {mark.label}" for mark in marks)
                about += f" Dashed lines, events of the scenario: {happened}."
            name = slug(series, "time", *_of(place))
            yield LinePlot(
                name, f"{noun}, {label}", about, Axis("time, s", from_zero=True), y, tuple(lines), marks=marks
            )


def _marks(group: Group, series: Series, end_s: float) -> tuple[Mark, ...]:
    """Return the events of a group's scenario within a series, in the time of the series; of many, the first ones."""
    if series.began_s is None:
        return ()
    cell = next(cell for cell in group.cells if cell.measured is not None and series in cell.measured.series)
    times = ((item.actual_ns / 1e9 - series.began_s, item.text) for item in cell.scenario if item.actual_ns is not None)
    found = (Mark(time_s, printable(text, 30)) for time_s, text in times if 0 <= time_s <= end_s)
    return tuple(itertools.islice(found, _MOST_MARKS))


def against(
    groups: Sequence[Group], points: Callable[[Group], Mapping[float, float]], x: Axis, y: Axis, noun: str
) -> Iterator[LinePlot]:
    """Yield a plot of figures against a number in their names at each place, such as a rate or a number of clients."""
    places = pictured(groups)
    label = labels(places)
    for place, found in itertools.islice(places.items(), MOST_PLOTS):
        lines = tuple(Line(group.overlay, tuple(sorted(its.items()))) for group in found if (its := points(group)))
        if lines:
            most = max(x for line in lines for x, _ in line.points)
            ends = "; ".join(f"{line.overlay} {number(dict(line.points).get(most))}" for line in lines)
            about = f"At {number(most)} ({x.title}): {ends} ({y.title})."
            title = f"{noun[0].upper()}{noun[1:]}, {label[place]}"
            yield LinePlot(slug(noun, *_of(place)), title, about, x, y, lines, is_marked=True)


def ranges(dots: Sequence[Dot], unit: str, digits: int) -> str:
    """Return a sentence with the least and the most value of each overlay."""
    found: dict[str, list[float]] = {}
    for dot in dots:
        found.setdefault(dot.overlay, []).append(dot.value)
    return f"{'; '.join(f'{name} {_range(its, digits)}' for name, its in found.items())} ({unit})."


def _range(values: Sequence[float], digits: int) -> str:
    low, high = number(min(values), digits), number(max(values), digits)
    return low if low == high else f"{low} to {high}"


def thinned(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    """Return at most `_MOST_POINTS` of some points, each the mean of as many neighbours."""
    size = -(-len(points) // _MOST_POINTS)
    if size <= 1:
        return points
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return tuple((part[-1][0], sum(y for _, y in part) / len(part)) for part in parts)


def _places(groups: Sequence[Group], series: str) -> Iterator[tuple[Place, tuple[Group, ...], str]]:
    places = pictured([group for group in groups if group.series(series)])
    label = labels(places)
    for place, found in itertools.islice(places.items(), MOST_PLOTS):
        yield place, found, label[place]


def _of(place: Place) -> tuple[str, ...]:
    level = [place.level] if place.level != "containers" else []
    network = [place.network] if place.network != "whole" else []
    return (place.part, place.circuit, *level, *network, place.testbed)


def _steps(samples: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return the steps of the distribution of sorted samples; of many, those at equal parts, and both ends."""
    count = len(samples)
    ranks = range(1, count + 1) if count <= _MOST_POINTS else _spread(count)
    points = {samples[rank - 1]: rank / count for rank in ranks}  # of equal samples, the last one counts
    return ((samples[0], 0.0), *points.items())


def _spread(count: int) -> Iterator[int]:
    return (max(1, round(part * count / _MOST_POINTS)) for part in range(_MOST_POINTS + 1))


def _median(line: Line) -> float:
    return next(x for x, part in line.points if part >= 0.5)
