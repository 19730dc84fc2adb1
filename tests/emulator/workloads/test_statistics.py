"""Statistics of samples, against values that were computed by hand."""

from __future__ import annotations

import pytest

from emulator.workloads.model import Figure
from emulator.workloads.statistics import jitter, netperf_bucket, netperf_percentile, percentile, summary


@pytest.mark.parametrize(
    ("samples", "part", "expected"),
    [
        ([7.0], 0.99, 7.0),
        ([4.0, 1.0, 3.0, 2.0], 0.5, 2.0),
        ([4.0, 1.0, 3.0, 2.0], 0.9, 4.0),
        ([4.0, 1.0, 3.0, 2.0], 0.0, 1.0),
        (list(map(float, range(1, 101))), 0.99, 99.0),
    ],
)
def test_a_percentile_is_one_of_the_samples(samples: list[float], part: float, expected: float) -> None:
    assert percentile(samples, part) == expected


@pytest.mark.parametrize(
    ("sample_us", "begin_us", "width_us"),
    [
        (1, 1, 0.1),
        (9, 9, 0.1),
        (10, 10, 1),
        (999, 990, 10),
        (12_999, 12_000, 1000),
        (36_201.9, 36_000, 1000),
        (99_999, 99_000, 1000),
        (100_000, 100_000, 10_000),
        (129_999, 120_000, 10_000),
        (99_999_999, 100_000_000, 10_000_000),  # C's `float` rounds it up
    ],
)
def test_netperfs_buckets_are_a_tenth_of_a_power_of_ten(sample_us: float, begin_us: float, width_us: float) -> None:
    assert netperf_bucket(sample_us) == pytest.approx((begin_us, width_us))


@pytest.mark.parametrize(
    ("samples_us", "printed"),
    [
        # what netperf 2.7.0+git20210121 has printed in a guest: p50, p90, p99
        ([36_201.0] * 138 + [36_202.0] * 138, (36_500, 36_898, 36_989)),  # UDP_RR, 10 s
        ([36_201.0] * 54 + [36_202.0] * 46, (36_500, 36_900, 36_990)),  # UDP_RR, 100 transactions
        ([72_405.0] + [36_202.0] * 274, (36_500, 36_901, 36_992)),  # TCP_RR, 10 s: the connection is in the first
        ([], (0, 0, 0)),
        ([36_201.0], (0, 0, 0)),  # of one sample, the part is less than one
    ],
)
def test_the_percentiles_are_those_that_netperf_prints(samples_us: list[float], printed: tuple[int, int, int]) -> None:
    assert tuple(netperf_percentile(samples_us, part) for part in (0.5, 0.9, 0.99)) == printed


def test_the_studys_percentile_is_a_buckets_edge() -> None:
    """AMS-MIL: all samples are 36.2 ms and more, and the study has 37.0 ms."""
    assert netperf_percentile([36_202.5] * 10_000, 0.99) == pytest.approx(37_000, rel=0.0003)


@pytest.mark.parametrize("sample_us", [0.0, -1.0, 1e8, float("nan")])
def test_a_sample_that_netperf_has_no_bucket_for_is_refused(sample_us: float) -> None:
    with pytest.raises(ValueError, match="no bucket"):
        netperf_percentile([36_201.0, sample_us], 0.99)


def test_jitter_moves_by_a_sixteenth_of_the_distance() -> None:
    assert jitter([]) == jitter([5.0]) == jitter([5.0, 5.0]) == 0
    assert jitter([0.0, 16.0]) == 1.0
    assert jitter([0.0, 16.0, 0.0]) == 1.0 + 15 / 16  # the difference is 16 again


def test_a_summary_has_each_statistic_and_counts_the_lost() -> None:
    figures = {figure.name: figure.value for figure in summary("rtt", [1.0, 3.0, 2.0], "us", sent=5)}
    assert figures == {
        "rtt.min": 1.0, "rtt.mean": 2.0, "rtt.median": 2.0, "rtt.p90": 3.0, "rtt.p99": 3.0, "rtt.max": 3.0,
        "rtt.stddev": 0.816, "rtt.jitter": round(2 / 16 + (1 - 2 / 16) / 16, 3), "rtt.sent": 5, "rtt.lost": 2,
    }  # fmt: skip


def test_without_samples_there_are_no_values() -> None:
    figures = summary("rtt", [], "us", sent=2)
    assert Figure("rtt.mean", None, "us") in figures
    assert figures[-1] == Figure("rtt.lost", 2, "packets")
