"""A distribution of delays, as its quantiles."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

MAX_QUANTILES = 1024
MAX_DELAY_US = 60_000_000.0
MAX_RANGE_US = 17_000_000.0
"""The most that delays of a distribution differ: netem's jitter ends at 2³¹ ns, and its table at four jitters."""
_STEPS = 256


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of delays in microseconds, whose quantile function is linear between some points.

    ``parts`` are from 0 to 1 and rise; the delay at each of them is in ``delays_us``, which do not fall. A delay is at
    most `MAX_DELAY_US`.
    """

    parts: tuple[float, ...]
    delays_us: tuple[float, ...]

    def __post_init__(self) -> None:
        """Refuse what is not a distribution.

        Raises:
            ValueError: the message says what is wrong.
        """
        if not 2 <= len(self.parts) <= MAX_QUANTILES:
            raise ValueError(f"a distribution has 2 to {MAX_QUANTILES} quantiles, not {len(self.parts)}")
        if len(self.parts) != len(self.delays_us):
            raise ValueError("a distribution has one delay for each part")
        if (self.parts[0], self.parts[-1]) != (0, 1) or not _rises(self.parts, strictly=True):
            raise ValueError("the parts of a distribution rise from 0 to 1")
        if not _rises(self.delays_us, strictly=False):
            raise ValueError("the delays of a distribution fall from one part to the next")
        if not (self.delays_us[0] >= 0 and self.delays_us[-1] <= MAX_DELAY_US):
            raise ValueError(f"the delays of a distribution are from 0 to {MAX_DELAY_US / 1e6:g} s")
        if self.delays_us[-1] - self.delays_us[0] > MAX_RANGE_US:
            raise ValueError(f"the delays of a distribution differ by at most {MAX_RANGE_US / 1e6:g} s")

    def delay_us(self, part: float) -> float:
        """Return the delay that this part of all delays do not exceed; ``part`` is from 0 to 1."""
        after = min(max(1, bisect.bisect_left(self.parts, part)), len(self.parts) - 1)
        (low, high), (least, most) = self.parts[after - 1 : after + 1], self.delays_us[after - 1 : after + 1]
        return least + (most - least) * (part - low) / (high - low)

    @property
    def least_us(self) -> float:
        """The least delay."""
        return self.delays_us[0]

    @property
    def most_us(self) -> float:
        """The longest delay."""
        return self.delays_us[-1]

    @property
    def mean_us(self) -> float:
        """The mean delay."""
        steps = zip(itertools.pairwise(self.parts), itertools.pairwise(self.delays_us), strict=True)
        return sum((high - low) * (least + most) / 2 for (low, high), (least, most) in steps)

    @property
    def standard_deviation_us(self) -> float:
        """The standard deviation of the delays."""
        steps = zip(itertools.pairwise(self.parts), itertools.pairwise(self.delays_us), strict=True)
        squares = sum((high - low) * (least**2 + least * most + most**2) / 3 for (low, high), (least, most) in steps)
        return math.sqrt(max(0.0, squares - self.mean_us**2))

    def samples_us(self, number: int) -> list[float]:
        """Return delays at equal steps, in the middle of each: the first is nearly the least, the last the longest."""
        return [self.delay_us((index + 0.5) / number) for index in range(number)]

    def above(self, least_us: float) -> Distribution:
        """Return the distribution of what delays have above ``least_us``, which is none more than the least one."""
        return Distribution(self.parts, tuple(delay_us - least_us for delay_us in self.delays_us))


def distribution_of(samples_us: Sequence[float]) -> Distribution:
    """Return the distribution of measured delays.

    Up to 257 samples are its quantiles. Of more, it has 257 quantiles at equal steps, and more at both ends, where the
    steps are halved until they hold a single sample.

    Raises:
        ValueError: there is no sample, or samples differ by more than `MAX_RANGE_US`.
    """
    ordered = sorted(samples_us)
    if not ordered:
        raise ValueError("a distribution has at least one sample")
    last = len(ordered) - 1
    if last < 1:
        return Distribution((0.0, 1.0), (ordered[0], ordered[0]))
    steps = min(last, _STEPS)
    parts = {step / steps for step in range(steps + 1)}
    tail = 1 / _STEPS / 2
    while tail * last >= 1:
        parts |= {tail, 1 - tail}
        tail /= 2
    found = sorted(parts)
    return Distribution(tuple(found), tuple(_between(ordered, part * last) for part in found))


def _between(ordered: Sequence[float], index: float) -> float:
    """Return the value at an index that may lie between two."""
    low = min(math.floor(index), len(ordered) - 2)
    return ordered[low] + (ordered[low + 1] - ordered[low]) * (index - low)


def _rises(values: Sequence[float], *, strictly: bool) -> bool:
    """Return whether values rise; NaN does not."""
    return all(near < far or (near == far and not strictly) for near, far in itertools.pairwise(values))
