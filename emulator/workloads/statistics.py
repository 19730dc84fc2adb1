"""Statistics of samples: minimum, mean, percentiles, standard deviation, jitter."""

from __future__ import annotations

import itertools
import math
import statistics
import struct
from collections import Counter
from collections.abc import Sequence

from emulator.workloads.model import Figure

_BUCKETS = 10
"""netperf's buckets for each leading digit."""
_MOST_US = 10**8
_FLOAT = struct.Struct("f")


def percentile(samples: Sequence[float], part: float) -> float:
    """Return the percentile of samples, which must not be empty: the least sample that ``part`` of them do not exceed.

    This is the nearest rank, so the result is one of the samples. ``part`` is between 0 and 1.
    """
    ordered = sorted(samples)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def netperf_percentile(samples_us: Sequence[float], part: float) -> int:
    """Return the percentile that netperf prints for samples in µs, which is seldom one of them.

    netperf cuts a sample to whole µs, counts it in its bucket (`netperf_bucket`), and interpolates in the bucket as if
    its samples were spread evenly: ``begin + width * (wanted - before) / inside``, where ``wanted`` is
    ``int(part * count)``, ``before`` counts the samples in the buckets before, and ``inside`` those in the bucket. So
    36,201 µs, a hundred times, has the 99th percentile 36,990 µs. 0 stands for too few samples.

    The source is `HIST_get_percentile` in `src/netlib.c` of netperf 2.7.0+git20210121.

    Raises:
        ValueError: a sample is less than 1 µs, for which netperf divides by 0, or 100 s and more.
    """
    buckets = Counter(map(_bucket, samples_us))
    wanted, before = int(part * len(samples_us)), 0
    for (scale, index), inside in sorted(buckets.items()):
        if 0 < wanted <= before + inside:
            return int((index + (wanted - before) / inside) * scale / _BUCKETS)
        before += inside
    return 0


def netperf_bucket(sample_us: float) -> tuple[float, float]:
    """Return the begin and the width, in µs, of the bucket in which netperf counts a sample.

    A bucket is a tenth of the largest power of ten that the sample reaches: 1 ms from 10 to 100 ms, 10 ms from 100 ms
    to 1 s. The source is `HIST_add`, beside `HIST_get_percentile`.

    Raises:
        ValueError: as `netperf_percentile`.
    """
    scale, index = _bucket(sample_us)
    return index * scale / _BUCKETS, scale / _BUCKETS


def _bucket(sample_us: float) -> tuple[float, int]:
    """Return the power of ten and the number of a sample's bucket."""
    if not 1 <= sample_us < _MOST_US:
        raise ValueError(f"netperf has no bucket for {sample_us:g} µs")
    # netperf computes with C's `float`, whose errors decide the bucket of a sample at an edge
    scale, value = 1.0, _single(int(sample_us))
    while value >= 10:
        scale, value = 10 * scale, _single(value / 10)
    return scale, int(_single(value * _BUCKETS))


def _single(value: float) -> float:
    found: float = _FLOAT.unpack(_FLOAT.pack(value))[0]
    return found


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
