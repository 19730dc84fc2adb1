"""Statistics of samples, against values that were computed by hand."""

from __future__ import annotations

import pytest

from emulator.workloads.model import Figure
from emulator.workloads.statistics import jitter, percentile, summary


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
