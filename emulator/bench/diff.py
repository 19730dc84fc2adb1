"""Two benchmarks to their differences: figures whose means differ by more than their spread."""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.bench.results import CellResult, Results

_RESAMPLES = 2000
_SEED = 1
_PART = 0.95

_Place = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that two benchmarks have with different values.

    ``before`` and ``after`` are the means over the repetitions. ``interval`` is the 95 % bootstrap interval of the
    difference of the means; None if a benchmark has one repetition only, whose spread is unknown.
    """

    overlay: str
    circuit: str
    workload: str
    level: str
    figure: str
    unit: str
    before: float
    after: float
    interval: tuple[float, float] | None

    @property
    def percent(self) -> float | None:
        """The difference in percent of ``before``; None if that is 0."""
        return None if self.before == 0 else 100 * (self.after - self.before) / abs(self.before)

    def is_beyond(self, percent: float) -> bool:
        """Return whether the difference is more than a percentage of ``before``."""
        return self.percent is None or abs(self.percent) > percent


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

    In the virtual clock, repetitions of most figures are equal, and any difference counts. A figure with one repetition
    on a side has no known spread; then any difference counts, too, and its interval is None.
    """
    old, new = _by_place(before), _by_place(after)
    differences: list[Difference] = []
    compared = 0
    for place in (it for it in old if it in new):
        for name, unit in _figures(old[place]).items():
            first, second = _values(old[place], name), _values(new[place], name)
            if first and second:
                compared += 1
                differences += _difference(place, name, unit, first, second)
    return Comparison(
        tuple(differences),
        compared,
        tuple(it for it in old if it not in new),
        tuple(it for it in new if it not in old),
    )


def _difference(
    place: _Place, name: str, unit: str, first: Sequence[float], second: Sequence[float]
) -> Iterator[Difference]:
    means = statistics.fmean(first), statistics.fmean(second)
    if means[0] == means[1]:
        return
    interval = bootstrap(first, second) if min(len(first), len(second)) > 1 else None
    if interval is None or not interval[0] <= 0 <= interval[1]:
        yield Difference(*place, name, unit, *means, interval)


def bootstrap(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of the mean of ``second`` minus that of ``first``.

    The resamples are drawn with a fixed seed, so two calls return the same (Efron and Tibshirani, 1993, chapter 13).
    """
    draw = random.Random(_SEED)  # noqa: S311 - statistics, not secrets
    means = sorted(
        statistics.fmean(draw.choices(second, k=len(second))) - statistics.fmean(draw.choices(first, k=len(first)))
        for _ in range(_RESAMPLES)
    )
    cut = round(_RESAMPLES * (1 - _PART) / 2)
    return means[cut], means[-cut - 1]


def _by_place(results: Results) -> dict[_Place, list[CellResult]]:
    found: dict[_Place, list[CellResult]] = {}
    for cell in results.cells:
        if cell.measured is not None:
            found.setdefault((cell.overlay, cell.where, cell.workload, cell.level), []).append(cell)
    return found


def _figures(cells: Sequence[CellResult]) -> dict[str, str]:
    """Return the units of all figures of some cells, by the figures' names."""
    return {it.name: it.unit for cell in cells if cell.measured is not None for it in cell.measured.figures}


def _values(cells: Sequence[CellResult], name: str) -> list[float]:
    return [value for it in cells if it.measured is not None and (value := it.measured.figure(name)) is not None]
