"""Times of packets in chains to the costs of stages, each with an interval.

A chain's time less the times of its other stages is the time of the stage that it adds. Over the sizes of frames, a
stage's times are fitted by a line (`Cost`). The intervals are from a bootstrap: the repetitions are drawn anew many
times, with replacement, and each draw gives all costs anew (Efron, Bootstrap Methods, Annals of Statistics 7, 1979).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeAlias

from emulator.cpu.table import Cost, Interval

Stages: TypeAlias = Mapping[str, int]
"""The stages of a chain, each with how often; the last is the one that the chains before do not have."""
Samples: TypeAlias = Mapping[str, Mapping[int, Sequence[float | None]]]
"""The nanoseconds of a packet by the chain's last stage, the bytes of the frame, and the number of the repetition.

None stands for a repetition in which no burst counted.
"""

_DRAWS = 400
_SEED = 1
"""The seed of the draws: the same samples give the same intervals."""
_OUTSIDE = 0.025
"""The part of the draws that is below an interval, and the part above."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A stage's cost, and the intervals (95 %) of its two figures in nanoseconds."""

    cost: Cost
    packet_ns: Interval
    byte_ns: Interval


def estimate(chains: Sequence[Stages], samples: Samples, python_ns: Mapping[str, float]) -> dict[str, Estimate]:
    """Return the cost of each stage, by its name. A chain without samples, or with an unknown stage, is left out.

    Every chain has the sizes of frames that the chains of its other stages have, or some of them. ``python_ns`` has
    Python's part of a packet's time, by the chain's last stage: the samples are without it.
    """
    repetitions = max((len(column) for chain in samples.values() for column in chain.values()), default=0)
    found = stage_costs(chains, _medians(samples, range(repetitions)), python_ns)
    source = random.Random(_SEED)  # noqa: S311 - no secret
    drawn = (_medians(samples, source.choices(range(repetitions), k=repetitions)) for _ in range(_DRAWS))
    draws = [stage_costs(chains, medians, python_ns) for medians in drawn]
    return {
        stage: Estimate(
            cost,
            _interval(cost.packet_ns, [draw[stage].packet_ns for draw in draws if stage in draw]),
            _interval(cost.byte_ns, [draw[stage].byte_ns for draw in draws if stage in draw]),
        )
        for stage, cost in found.items()
    }


def stage_costs(
    chains: Sequence[Stages], totals: Mapping[str, Mapping[int, float]], python_ns: Mapping[str, float]
) -> dict[str, Cost]:
    """Return the cost of each stage from the nanoseconds of a packet, by the chain's last stage and the frame's bytes.

    A time counts as much as it is exact. Noise grows with the time that was measured, and that has Python's part. A
    time that is near 0 without this part is no more exact than the others.
    """
    times: dict[str, dict[int, float]] = {}
    found = {}
    for stages in chains:
        *others, stage = stages
        total = totals.get(stage)
        if not total or not times.keys() >= {*others}:
            continue
        times[stage] = {
            size: (ns - sum(stages[other] * times[other][size] for other in others)) / stages[stage]
            for size, ns in total.items()
        }
        found[stage] = line(times[stage], {size: (ns + python_ns[stage]) ** -2 for size, ns in total.items()})
    return found


def line(times: Mapping[int, float], weights: Mapping[int, float]) -> Cost:
    """Return the line through times in nanoseconds by bytes, with the least weighted sum of squares.

    Neither figure is below 0. A single size gives a cost for each packet, and none for each byte.
    """
    n = sum(weights[size] for size in times)
    x = sum(weights[size] * size for size in times)
    y = sum(weights[size] * ns for size, ns in times.items())
    xx = sum(weights[size] * size * size for size in times)
    xy = sum(weights[size] * size * ns for size, ns in times.items())
    if len(times) > 1:
        byte_ns = (n * xy - x * y) / (n * xx - x * x)
        packet_ns = (y - byte_ns * x) / n
        if packet_ns >= 0 and byte_ns >= 0:
            return Cost(packet_ns, byte_ns)
        if packet_ns < 0 <= byte_ns:
            return Cost(0.0, max(xy / xx, 0.0))
    return Cost(max(y / n, 0.0), 0.0)


def spread(column: Iterable[float | None]) -> float:
    """Return how far repetitions lie apart: from the 10th to the 90th of a hundred, as a part of the median.

    It is infinite if fewer than two counted.
    """
    counted = [ns for ns in column if ns is not None]
    if len(counted) < 2:
        return float("inf")
    deciles = quantiles(counted, n=10)
    return (deciles[-1] - deciles[0]) / median(counted)


def _medians(samples: Samples, repetitions: Sequence[int]) -> dict[str, dict[int, float]]:
    """Return the medians over these repetitions; a chain is left out if a size of it has no counted repetition."""
    found: dict[str, dict[int, float]] = {}
    for chain, columns in samples.items():
        counted = {
            size: [ns for it in repetitions if (ns := column[it]) is not None] for size, column in columns.items()
        }
        if all(counted.values()):
            found[chain] = {size: median(values) for size, values in counted.items()}
    return found


def _interval(value: float, draws: Sequence[float]) -> Interval:
    ordered = sorted([*draws, value])
    outside = int(_OUTSIDE * len(ordered))
    return min(ordered[outside], value), max(ordered[-1 - outside], value)
