"""Statistics of samples: minimum, mean, percentiles, standard deviation, jitter."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from emulator.workloads.model import Figure


def percentile(samples: Sequence[float], part: float) -> float:
    """Return the percentile of samples, which must not be empty: the least sample that ``part`` of them do not exceed.

    This is the nearest rank, so the result is one of the samples. ``part`` is between 0 and 1.
    """
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def jitter(transits: Sequence[float]) -> float:
    """Return the interarrival jitter of transit times after the last of them (RFC 3550, section 6.4.1).

    It starts at 0, and each difference between two transits moves it by a sixteenth of the distance.
    """
    found = 0.0
    for before, after in itertools.pairwise(transits):
        found = next_jitter(found, after - before)
    return found


def next_jitter(before: float, difference: float) -> float:
    """Return the interarrival jitter after one more packet, whose transit time has changed by ``difference``."""
    return before + (abs(difference) - before) / 16


def summary(name: str, samples: Sequence[float], unit: str, *, sent: int) -> tuple[Figure, ...]:
    """Return the statistics of samples as figures: ``NAME.min``, ``.mean``, …; without samples, their values are None.

    ``stddev`` is that of the samples themselves (divided by their number). ``sent`` counts lost ones too.
    """
    has = bool(samples)
    values: dict[str, float | None] = {
        "min": min(samples) if has else None,
        "mean": statistics.fmean(samples) if has else None,
        "median": statistics.median(samples) if has else None,
        "p90": percentile(samples, 0.9) if has else None,
        "p99": percentile(samples, 0.99) if has else None,
        "max": max(samples) if has else None,
        "stddev": statistics.pstdev(samples) if has else None,
        "jitter": jitter(samples) if has else None,
    }
    figures = [
        Figure(f"{name}.{key}", None if value is None else round(value, 3), unit) for key, value in values.items()
    ]
    return (*figures, Figure(f"{name}.sent", sent, "packets"), Figure(f"{name}.lost", sent - len(samples), "packets"))
