"""Two benchmarks to their differences: figures whose means differ by more than their spread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from emulator.bench.change import Change, change
from emulator.bench.results import CellResult, Results

_VIRTUAL = "virtual"

_Place = tuple[str, str, str, str]
"""The overlay, the circuit, the workload and the level of a cell."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that two benchmarks have with different values, and how much it changes."""

    overlay: str
    circuit: str
    workload: str
    level: str
    figure: str
    unit: str
    change: Change

    def is_beyond(self, percent: float) -> bool:
        """Return whether the difference is more than a percentage of the value before."""
        return self.change.percent is None or abs(self.change.percent) > percent


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two benchmarks; ``only_before`` and ``only_after`` are cells that one of them measured."""

    differences: tuple[Difference, ...]
    compared: int
    """The number of figures that both benchmarks have."""
    only_before: tuple[_Place, ...]
    only_after: tuple[_Place, ...]


def compare(before: Results, after: Results) -> Comparison:
    """Return the figures whose means differ by more than the spread of the repetitions.

    In the virtual clock, repetitions of most figures are equal, and each difference counts that is more than the
    measurement resolves (see `change`). A figure of the real clock with one repetition on a side has no known spread;
    then each difference counts.
    """
    has_several = any(len({cell.testbed for cell in results.cells}) > 1 for results in (before, after))
    old, new = (_by_place(results, has_several) for results in (before, after))
    differences: list[Difference] = []
    compared = 0
    for place in (it for it in old if it in new):
        clocks = {it.environment.clock for it in (*old[place], *new[place]) if it.environment is not None}
        clock = _VIRTUAL if clocks == {_VIRTUAL} else "real"
        for name, unit in _figures(old[place]).items():
            first, second = _values(old[place], name), _values(new[place], name)
            if first and second:
                compared += 1
                found = change(first, second, unit, clock)
                if found.is_real or found.kind == "unknown":
                    differences.append(Difference(*place, name, unit, found))
    return Comparison(
        tuple(differences),
        compared,
        tuple(it for it in old if it not in new),
        tuple(it for it in new if it not in old),
    )


def _by_place(results: Results, has_several: bool) -> dict[_Place, list[CellResult]]:
    """Return the cells that were measured, by their place; with ``has_several`` topologies, the circuit names its."""
    found: dict[_Place, list[CellResult]] = {}
    for cell in results.cells:
        if cell.measured is not None:
            where = f"{cell.testbed} {cell.where}" if has_several else cell.where
            found.setdefault((cell.overlay, where, cell.workload, cell.level), []).append(cell)
    return found


def _figures(cells: Sequence[CellResult]) -> dict[str, str]:
    """Return the units of all figures of some cells, by the figures' names."""
    return {it.name: it.unit for cell in cells if cell.measured is not None for it in cell.measured.figures}


def _values(cells: Sequence[CellResult], name: str) -> list[float]:
    return [value for it in cells if it.measured is not None and (value := it.measured.figure(name)) is not None]
