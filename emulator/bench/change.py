"""Two sets of repetitions to the change between them: how much, how sure, and how large beside the spread."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["same", "resolution", "noise", "unknown", "exact", "sure"]
"""The kind of a change: none at all; less than the measurement resolves; within the spread; of unknown spread; between
repetitions without any spread; more than the spread."""

RESOLUTION = {"us": 1.0, "ms": 0.001, "Mbit/s": 0.1, "kbit/s": 0.1}
"""The smallest difference that counts in the virtual clock, by the unit.

Reading the clock costs 256 ns, so a round trip can be off by up to a microsecond (docs/clocks.md). iperf prints jitter
to a microsecond. Whether the last packets count moves a rate by some hundredths of its unit.
"""
_RESAMPLES = 2000
_SEED = 1
_PART = 0.95
FEW = 5
"""The least repetitions for a bootstrap interval. With fewer, it is too narrow, because it stays within the values."""


@dataclass(frozen=True, slots=True)
class Change:
    """The change of a figure from one overlay, or from one benchmark, to another.

    ``before`` and ``after`` are means. ``interval`` is the 95 % bootstrap interval of the difference of the means; None
    if no repetitions differ or there is one only. ``effect`` is Cohen's d, the difference in standard deviations; None
    without a spread. ``repetitions`` are those of the side that has fewer.
    """

    before: float
    after: float
    interval: tuple[float, float] | None
    effect: float | None
    repetitions: int
    kind: Kind

    @property
    def difference(self) -> float:
        """The mean after, less the mean before."""
        return self.after - self.before

    @property
    def percent(self) -> float | None:
        """The difference in percent of ``before``; None if that is 0."""
        return None if self.before == 0 else 100 * self.difference / abs(self.before)

    @property
    def is_real(self) -> bool:
        """Whether it is more than the spread, as far as that is known."""
        return self.kind in ("exact", "sure")


def change(before: Sequence[float], after: Sequence[float], unit: str, clock: str) -> Change:
    """Return the change between two sets of repetitions, which must not be empty.

    In the virtual clock, a run repeats itself to the byte unless chance or a real daemon takes part, so even one
    repetition is exact for its seed.
    """
    first, second = statistics.fmean(before), statistics.fmean(after)
    repetitions = min(len(before), len(after))
    spread = _pooled(before, after) if repetitions > 1 else 0.0
    interval = bootstrap(before, after) if spread > 0 else None
    effect = (second - first) / spread if spread > 0 else None
    if repetitions == 1 and len({*before}) + len({*after}) > 2:  # one side varies, and the other may
        clock = "real"
    kind = _kind(second - first, interval, repetitions, unit, clock)
    return Change(first, second, interval, effect, repetitions, kind)


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


def _kind(difference: float, interval: tuple[float, float] | None, repetitions: int, unit: str, clock: str) -> Kind:
    if difference == 0:
        return "same"
    if clock == "virtual" and abs(difference) <= RESOLUTION.get(unit, 0.0) * (1 + 1e-9):
        return "resolution"
    if interval is not None:
        return "noise" if interval[0] <= 0 <= interval[1] else "sure"
    return "exact" if clock == "virtual" or repetitions > 1 else "unknown"


def _pooled(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the standard deviation of both sets about their own means (Cohen, 1988, section 2.5.2)."""
    squares = sum(statistics.variance(values) * (len(values) - 1) for values in (before, after))
    return math.sqrt(squares / (len(before) + len(after) - 2))


def confidence(found: Change) -> str:
    """Return how sure a change is, in a few words."""
    if found.kind == "same":
        return "the same"
    if found.kind == "resolution":
        return "less than is resolved"
    if found.kind == "unknown":
        return "one repetition: no verdict"
    if found.kind == "exact":
        return "one repetition, virtual clock" if found.repetitions == 1 else "all repetitions are the same"
    few = ", few repetitions" if found.repetitions < FEW else ""
    return f"within the spread{few}" if found.kind == "noise" else f"beyond the spread{few}"
