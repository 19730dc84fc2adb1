"""The sections about convergence: after the start and after faults, and with the store at each site."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.bench.report.common import all_figures, distributions, ranges, remarks
from emulator.bench.report.groups import Group, figures, labels, measured
from emulator.bench.report.model import Axis, Block, Dot, DotPlot, Paragraph, Section, Table
from emulator.bench.report.numbers import number
from emulator.bench.results import Results

_START = {"start.first": "first pair", "start.mean": "mean of pairs", "start.last": "last pair"}


def convergence(results: Results) -> Section | None:
    """Return the section about the start and faults; None if it was not measured."""
    groups = measured(results, "convergence")
    if not groups:
        return None
    blocks: list[Block] = [
        Paragraph(
            (
                "The time from the overlay's start until a first packet passes between the containers of a pair, and "
                "the time until packets pass again after a fault. A dash: packets never passed again.",
            )
        ),
        _by_overlay(groups),
    ]
    starts = [
        Dot(noun, group.overlay, mean)
        for name, noun in _START.items()
        for group in groups
        if (mean := group.mean(name)) is not None
    ]
    if starts:
        about = ranges(starts, "s", 3)
        title, axis = "From the start to the first packet", Axis("time, s", from_zero=True)
        blocks.append(DotPlot("convergence-start", title, about, axis, "pair", tuple(starts)))
    faults = [
        Dot(name.removesuffix(".seconds").removesuffix(".s").replace("_", " "), group.overlay, mean)
        for name, unit in figures(groups).items()
        if unit == "s" and not name.startswith("start.")
        for group in groups
        if (mean := group.mean(name)) is not None
    ]
    if faults:
        about = ranges(faults, "s", 3)
        title, axis = "From a fault until packets pass again", Axis("time, s", from_zero=True)
        blocks.append(DotPlot("convergence-faults", title, about, axis, "fault", tuple(faults)))
    blocks += distributions(
        groups, "start", Axis("from the start to the first packet, s"), 1.0, "first packet of a pair"
    )
    blocks += [*remarks(groups), all_figures(groups, "convergence")]
    return Section("convergence", "Convergence", tuple(blocks))


def store(results: Results) -> Section | None:
    """Return the section about the place of the store; None if it was not measured."""
    groups = measured(results, "store")
    if not groups:
        return None
    label = labels(group.place for group in groups)
    dots = [
        Dot(label[group.place], group.overlay, mean)
        for group in groups
        if (mean := group.mean("start.last")) is not None
    ]
    rows = tuple(
        (label[group.place], group.overlay, *(number(group.mean(name)) for name in _START)) for group in groups
    )
    headings = ("store", "overlay", *(f"{noun}, s" for noun in _START.values()))
    caption = "From the start to the first packet, by the place of the key-value store"
    blocks: list[Block] = [Table(caption, headings, rows, heads=2)]
    if dots:
        about = ranges(dots, "s", 3)
        axis = Axis("until the last pair, s", from_zero=True)
        blocks.append(DotPlot("store", "The place of the store", about, axis, "store", tuple(dots)))
    blocks += [*remarks(groups), all_figures(groups, "store")]
    return Section("store", "The place of the store", tuple(blocks))


def _by_overlay(groups: Sequence[Group]) -> Table:
    """Return a row for each overlay, and a column for each figure."""
    units = figures(groups)
    several = len({group.place for group in groups}) > 1
    label = labels(group.place for group in groups)
    heads = ("where", "overlay") if several else ("overlay",)
    rows = tuple(
        (*([label[group.place]] if several else []), group.overlay, *(number(group.mean(name)) for name in units))
        for group in groups
    )
    headings = (*heads, *(f"{name}, {unit}" for name, unit in units.items()))
    return Table("Convergence by overlay", headings, rows, heads=len(heads))
