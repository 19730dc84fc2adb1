"""The jitter of a circuit: how much a delay varies, with which distribution, as tc-netem has it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, TypeAlias, get_args

from gtsdsl.model.units import UNIT_US, parse_duration_us, parse_percent
from gtsdsl.model.values import Value, describe

Shape: TypeAlias = Literal["uniform", "normal", "pareto", "paretonormal"]
"""The distribution of a jitter, by its name in tc-netem."""

Order: TypeAlias = Literal["kept", "free"]
"""Whether packets with random delays keep their order, or overtake each other."""

SHAPES: tuple[Shape, ...] = get_args(Shape)
MAX_JITTER_US = (2**31 - 1) // 1000
"""The longest jitter: netem counts it in nanoseconds, in 31 bits."""
TABLE_SIZE = 4096
"""The delays in a table, of which netem draws one for each packet; it takes up to 16,384 (``NETEM_DIST_MAX``)."""

_FORMS = '"1ms", "1ms normal" or "1ms 25% pareto" (with a correlation)'
_FARTHEST = (2**15 - 1) / 8192
"""The largest entry of netem's tables, which have 16 bits and a jitter of 8,192 (``NETEM_DIST_SCALE``)."""
_NORMAL = NormalDist()


def _pareto(part: float) -> float:
    """Return a quantile of the Pareto distribution with exponent 3, whose mean is 1.5, scaled as by iproute2."""
    return min(_FARTHEST, (math.pow(1 - part, -1 / 3) - 1.5) * 4 / 3)


_QUANTILES: Mapping[Shape, Callable[[float], float]] = {
    "uniform": lambda part: 2 * part - 1,
    "normal": _NORMAL.inv_cdf,
    "pareto": _pareto,
    "paretonormal": lambda part: 0.25 * _NORMAL.inv_cdf(part) + 0.75 * _pareto(part),
}


def quantiles(shape: Shape, number: int = TABLE_SIZE) -> list[float]:
    """Return a shape's differences from the delay at equal steps, in the middle of each; 1 is the jitter.

    They are the formulas of the tables of iproute2 (``netem/normal.c``, ``pareto.c`` and ``paretonormal.c``).
    """
    return [_QUANTILES[shape]((index + 0.5) / number) for index in range(number)]


_ENDS: Mapping[Shape, tuple[float, float]] = {
    shape: (_QUANTILES[shape](0.5 / TABLE_SIZE), _QUANTILES[shape](1 - 0.5 / TABLE_SIZE)) for shape in SHAPES
} | {"uniform": (-1.0, 1.0)}


def ends(shape: Shape) -> tuple[float, float]:
    """Return the least and the most difference from the delay, of a jitter of 1: -1 and 1 if it is uniform."""
    return _ENDS[shape]


@dataclass(frozen=True, slots=True)
class Jitter:
    """The jitter of one direction: delays differ by up to ``us``, or with it as the scale of a ``shape``.

    With ``correlation_percent``, netem computes a packet's random number by this part from the one before.
    """

    us: int = 0
    correlation_percent: float = 0.0
    shape: Shape = "uniform"

    @property
    def least_us(self) -> float:
        """The most that a delay is shorter; 0 or less."""
        return self.us * ends(self.shape)[0]

    @property
    def most_us(self) -> float:
        """The most that a delay is longer."""
        return self.us * ends(self.shape)[1]


NO_JITTER = Jitter()


def parse_jitter(value: Value) -> Jitter:
    """Return a jitter: ``"1ms"``, ``"1ms normal"`` or ``"1ms 25% pareto"``, in the order of tc-netem's words.

    Raises:
        ValueError: the value is no jitter; the message says why.
    """
    words = value.split() if isinstance(value, str) else []
    shape = next((each for each in SHAPES if words[-1:] == [each]), None)
    if shape is not None:
        words.pop()
    correlation = words.pop() if len(words) > 1 and words[-1].endswith("%") and words[-1] != "%" else "0%"
    if not words or any(word.isalpha() and word not in UNIT_US for word in words):
        raise ValueError(f"{describe(value)} is not a jitter; write it as {_FORMS}")
    us = parse_duration_us(" ".join(words))
    if us > MAX_JITTER_US:
        raise ValueError(f"{describe(value)} is more than the {MAX_JITTER_US / 1e6:.3f} s that netem's jitter may be")
    return Jitter(us, parse_percent(correlation), shape or "uniform")


def parse_order(value: Value) -> Order:
    """Return an order of packets: ``"kept"`` or ``"free"``.

    Raises:
        ValueError: the value is neither.
    """
    for order in get_args(Order):
        if value == order:
            return order  # type: ignore[no-any-return]
    raise ValueError(f'{describe(value)} is not an order of packets; write "kept", or "free" if they may overtake')
