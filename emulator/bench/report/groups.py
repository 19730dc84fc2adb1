"""Cells to groups: the repetitions of one measurement, with their figures and series."""

from __future__ import annotations

import statistics
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from emulator.bench.results import CellResult, Network, Results, Variant, place_words
from emulator.workloads.model import MOST, Series


@dataclass(frozen=True, slots=True)
class Place:
    """The place of a measurement: part of the benchmark, topology, network, circuit, level, and variant."""

    part: str
    testbed: str
    network: Network
    circuit: str
    level: str
    variant: Variant


@dataclass(frozen=True, slots=True)
class Group:
    """The repetitions of one overlay at one place; all were measured."""

    place: Place
    overlay: str
    cells: tuple[CellResult, ...]

    def values(self, figure: str) -> tuple[float, ...]:
        """Return the values of a figure, one for each repetition that has it."""
        found = (cell.measured.figure(figure) for cell in self.cells if cell.measured is not None)
        return tuple(value for value in found if value is not None)

    def mean(self, figure: str) -> float | None:
        """Return the mean of a figure over the repetitions; None if none has it."""
        values = self.values(figure)
        return statistics.fmean(values) if values else None

    def series(self, name: str) -> tuple[Series, ...]:
        """Return a series of each repetition, without values that cannot be added up."""
        return tuple(
            replace(item, values=tuple(value for value in item.values if abs(value) <= MOST))
            for cell in self.cells
            if cell.measured is not None
            for item in cell.measured.series
            if item.name == name
        )

    @property
    def figures(self) -> dict[str, str]:
        """The units of all figures by their names."""
        return {
            item.name: item.unit for cell in self.cells if cell.measured is not None for item in cell.measured.figures
        }


def measured(results: Results, workload: str) -> tuple[Group, ...]:
    """Return the groups of a workload, those of one place together; cells that failed are left out."""
    found: dict[tuple[Place, str], list[CellResult]] = {}
    for cell in results.cells:
        if cell.workload == workload and cell.measured is not None:
            place = Place(cell.part, cell.testbed, cell.network, cell.circuit, cell.level, cell.variant)
            found.setdefault((place, cell.overlay), []).append(cell)
    groups = [Group(place, overlay, tuple(cells)) for (place, overlay), cells in found.items()]
    order = list(dict.fromkeys(group.place for group in groups))
    names = overlays(groups)
    return tuple(sorted(groups, key=lambda it: (order.index(it.place), names.index(it.overlay))))


def workloads(results: Results) -> tuple[str, ...]:
    """Return the workloads of the cells, also of those that failed."""
    return tuple(dict.fromkeys(cell.workload for cell in results.cells))


def overlays(groups: Iterable[Group | CellResult]) -> tuple[str, ...]:
    """Return the overlays in their order, the baseline first."""
    names = tuple(dict.fromkeys(group.overlay for group in groups))
    return tuple(sorted(names, key=lambda name: name != baseline(names)))


def by_place(groups: Sequence[Group]) -> dict[Place, tuple[Group, ...]]:
    """Return the groups of each place."""
    places = dict.fromkeys(group.place for group in groups)
    return {place: tuple(group for group in groups if group.place == place) for place in places}


def beside(groups: Sequence[Group]) -> Iterator[tuple[Group | None, Group]]:
    """Yield each group with the baseline's at the same place; None for the baseline itself, and where it is missing.

    The baseline may be in another part of the benchmark than the overlay.
    """
    base = baseline(overlays(groups))
    of_base = [group for group in groups if group.overlay == base]
    for group in groups:
        near = [it for it in of_base if replace(it.place, part="") == replace(group.place, part="")]
        near.sort(key=lambda it: it.place != group.place)
        yield (near[0] if near and group.overlay != base else None), group


def pictured(groups: Sequence[Group]) -> dict[Place, tuple[Group, ...]]:
    """Return the groups of each place that a plot shows: with the baseline of another part where the place has none.

    A place with the baseline alone is left out, if the overlays were measured at the same place.
    """
    base = baseline(overlays(groups))
    places = by_place(groups)
    alone = {place for place, found in places.items() if all(group.overlay == base for group in found)}
    full = {replace(place, part="", level="") for place in places if place not in alone}
    shown = {}
    for place, found in places.items():
        if place in alone and replace(place, part="", level="") in full:
            continue
        near = next((before for before, group in beside(groups) if group.place == place and before is not None), None)
        shown[place] = found if near is None or near in found else (near, *found)
    return shown


def figures(groups: Iterable[Group]) -> dict[str, str]:
    """Return the units of all figures of some groups, by the figures' names."""
    return {name: unit for group in groups for name, unit in group.figures.items()}


def baseline(names: Sequence[str]) -> str | None:
    """Return the overlay that all others are compared with: ``none``, else the first; None of no overlays."""
    return "none" if "none" in names else next(iter(names), None)


def labels(places: Iterable[Place]) -> dict[Place, str]:
    """Return a short name of each place, without what all places have in common."""
    places = list(places)
    common = {"part"} if len({it.part for it in places}) < 2 else set()
    for name in ("testbed", "network"):  # if the part says which, the place need not
        if len({(it.part, getattr(it, name)) for it in places}) == len({it.part for it in places}):
            common.add(name)
    return {place: ", ".join(_words(place, common)) for place in places}


def _words(place: Place, common: Collection[str]) -> Iterator[str]:
    network: Network = "whole" if "network" in common else place.network
    yield place_words("" if "part" in common else place.part, place.circuit, network, place.variant)
    if place.level != "containers":
        yield place.level
    if "testbed" not in common:
        yield place.testbed
