"""The delays that the study measured over an overlay: distributions with its minimum, its mean and its percentile."""

from __future__ import annotations

import pytest

from gtsdsl.circuits import Measurement, as_measured, measured
from gtsdsl.circuits.study import added_delays, bucket_ms

CELLS = [
    pytest.param(item, id=f"{'-'.join(sites)} {item.overlay}")
    for sites, circuit in measured().items()
    for item in circuit.measurements
]


def netperf_percentile_ms(round_trips_ms: list[float], part: float) -> float:
    """Return the percentile as netperf 2.7.0 computes it from its histogram (``HIST_get_percentile``)."""
    buckets: dict[tuple[float, float], int] = {}
    for round_trip_ms in round_trips_ms:
        bucket = bucket_ms(round_trip_ms)
        buckets[bucket] = buckets.get(bucket, 0) + 1
    rank, below = int(part * len(round_trips_ms)), 0
    for (low, high), count in sorted(buckets.items()):
        if below + count >= rank:
            return low + (high - low) * (rank - below) / count
        below += count
    raise AssertionError("the rank is above all samples")


def test_the_study_has_eighteen_cells() -> None:
    assert len(CELLS) == 18


@pytest.mark.parametrize("item", CELLS)
def test_minimum_mean_and_netperfs_percentile_are_the_studys(item: Measurement) -> None:
    added = added_delays(item)
    round_trips_ms = [item.min_ms + delay_us / 1000 for delay_us in added.samples_us(4096)]
    assert min(round_trips_ms) == pytest.approx(item.min_ms, rel=1e-4)
    assert item.min_ms + added.mean_us / 1000 == pytest.approx(item.mean_ms, rel=1e-3)
    assert max(round_trips_ms) <= item.p99_ms
    assert netperf_percentile_ms(round_trips_ms, 0.99) == pytest.approx(item.p99_ms, rel=0.01)


def test_a_bucket_with_too_little_gets_what_netperf_needs() -> None:
    """Weave between Bratislava and Ljubljana: the mean would leave 1 % of the round trips in the last 10 ms."""
    added = added_delays(Measurement("weave", 43.1, 59.5, 130.0))
    in_bucket = 0.01 * 10 / (0.0075 * 130)
    assert added.delay_us(1 - in_bucket - 0.001) < 70_000
    assert added.delay_us(1 - in_bucket + 0.001) > 1000 * (120 - 43.1)


@pytest.mark.parametrize(
    ("round_trip_ms", "bucket"),
    [(37.0, (36.0, 37.0)), (62.4, (62.0, 63.0)), (130.0, (120.0, 130.0)), (100.0, (99.0, 100.0)), (9.95, (9.9, 10.0))],
)
def test_buckets_are_a_tenth_of_their_decade_and_end_at_their_upper_bound(
    round_trip_ms: float, bucket: tuple[float, float]
) -> None:
    assert bucket_ms(round_trip_ms) == pytest.approx(bucket)


def test_each_overlay_has_the_circuits_that_were_measured_over_it() -> None:
    circuits = as_measured("flannel")
    assert circuits is not None
    assert circuits.circuits["AMS", "MIL"].rtt_ms == 42.5
    assert set(circuits.circuits) == set(measured())
    assert as_measured("calico") is None
