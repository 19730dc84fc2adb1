"""The circuits as each overlay of the study had them: its own delays, with their spread, in place of the path's."""

from __future__ import annotations

import math
from collections.abc import Callable

from gtsdsl.circuits.lookup import measured
from gtsdsl.circuits.model import Circuit, Circuits, Measurement
from gtsdsl.model.distribution import Distribution

_QUANTILES = 257
_MOST_BESIDE = 0.0075
"""The largest relative distance of netperf's percentile from the study's that the probability of a bucket allows."""
_SENDING_MS = 0.02
"""The distance of the longest delay below the percentile: the time to send a packet with an overlay's headers there and
back, which would take the longest round trips into the next bucket."""
_PART = 0.99
_JUMP = 1e-9
_STEPS = 200
_STEEPEST = 500.0
"""The largest product of a rate and the distance over which the density is; a steeper one is a single delay."""


def as_measured(overlay: str) -> Circuits | None:
    """Return the six circuits of the study as an overlay had them; None for an overlay that the study did not measure.

    The least round trip is the study's minimum. The others have the distribution of `added_delays`.
    """
    circuits = {}
    for sites, circuit in measured().items():
        for item in circuit.measurements:
            if item.overlay == overlay:
                statistic = f"minimum, mean and 99th percentile over {overlay}"
                circuits[sites] = Circuit(
                    sites, item.min_ms, item.min_ms, item.min_ms, False, statistic, circuit.source,
                    added=added_delays(item),
                )  # fmt: skip
    return Circuits(circuits=circuits) if circuits else None


def added_delays(item: Measurement) -> Distribution:
    """Return the delays that round trips had beside the least one: the distribution that a measurement says least of.

    Of all distributions between the minimum and the 99th percentile whose mean is the measured one, it is the one of
    the largest entropy, whose density is proportional to ``exp(-r x)`` (Jaynes, 1957). The rate ``r`` follows from the
    mean.

    The percentile is one of netperf's histogram, and so says only that the rank is in the bucket below it, of which
    netperf returns the ``1 - 0.01 / p`` th part, if the bucket has the part ``p`` of all round trips. A bucket of
    which the density would have too little for that gets the least ``p`` with which netperf's percentile is as near as
    `_MOST_BESIDE`; then the densities below the bucket and in it have the same rate ``r``, but are not joined.
    """
    span, mean = item.p99_ms - _SENDING_MS - item.min_ms, item.mean_ms - item.min_ms
    low = max(0.0, bucket_ms(item.p99_ms)[0] - item.min_ms)
    width = bucket_ms(item.p99_ms)[1] - bucket_ms(item.p99_ms)[0]
    wanted = (1 - _PART) * width / (_MOST_BESIDE * item.p99_ms)
    rate = _rate(lambda it: _mean(it, 0, span), mean, span)
    if low == 0 or 1 - _below(low, rate, span) >= wanted:
        return _of(lambda part: _inverse(part, rate, span))
    rate = _rate(lambda it: (1 - wanted) * _mean(it, 0, low) + wanted * _mean(it, low, span), mean, span)

    def delay_ms(part: float) -> float:
        if part <= 1 - wanted:
            return _inverse(part / (1 - wanted), rate, low)
        return low + _inverse((part - 1 + wanted) / wanted, rate, span - low)

    return _of(delay_ms, jump=1 - wanted)


def bucket_ms(round_trip_ms: float) -> tuple[float, float]:
    """Return the bucket of netperf's histogram that a percentile is from, in milliseconds; it ends at the upper bound.

    Each decade has buckets of a tenth of its least delay: between 10 and 100 ms they are 1 ms wide (``HIST_add`` in
    netperf 2.7.0, ``src/netlib.c``).
    """
    width = 10.0 ** (math.ceil(math.log10(round_trip_ms)) - 2)
    number = math.ceil(round(round_trip_ms / width, 6))
    return (number - 1) * width, number * width


def _mean(rate: float, low: float, high: float) -> float:
    """Return the mean of the density ``exp(-rate x)`` between two delays."""
    span = high - low
    if abs(rate * span) < 1e-6:
        return low + span / 2 - rate * span**2 / 12
    return low + 1 / rate - span / math.expm1(rate * span)


def _below(delay: float, rate: float, span: float) -> float:
    """Return the part of the density ``exp(-rate x)`` from 0 to ``span`` that is below a delay."""
    return delay / span if abs(rate * span) < 1e-6 else math.expm1(-rate * delay) / math.expm1(-rate * span)


def _inverse(part: float, rate: float, span: float) -> float:
    """Return the delay below which this part of the density ``exp(-rate x)`` from 0 to ``span`` is."""
    if abs(rate * span) < 1e-6:
        return part * span
    return min(span, max(0.0, -math.log1p(part * math.expm1(-rate * span)) / rate))


def _rate(mean_of: Callable[[float], float], mean: float, span: float) -> float:
    """Return the rate with which a density over ``span`` has a mean, which falls as the rate rises."""
    low, high = -_STEEPEST / span, _STEEPEST / span
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if mean_of(middle) > mean else (low, middle)
    return (low + high) / 2


def _of(delay_ms: Callable[[float], float], jump: float = 0) -> Distribution:
    """Return the distribution with a quantile function, which may jump at one part."""
    parts = sorted({*(index / (_QUANTILES - 1) for index in range(_QUANTILES)), jump, jump + _JUMP})
    return Distribution(tuple(parts), tuple(round(1000 * delay_ms(part), 3) for part in parts))
