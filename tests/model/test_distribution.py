"""A distribution of delays: its quantiles, its moments, and what is refused."""

from __future__ import annotations

import math
import statistics

import pytest

from gtsdsl.model.distribution import MAX_QUANTILES, Distribution

SKEWED = Distribution((0, 0.5, 0.9, 1), (0, 100, 400, 5000))


def test_delays_between_two_quantiles_are_on_a_line() -> None:
    parts = (0, 0.25, 0.5, 0.7, 0.9, 0.95, 1)
    assert [round(SKEWED.delay_us(part), 6) for part in parts] == [0, 50, 100, 250, 400, 2700, 5000]


def test_moments_are_those_of_many_samples() -> None:
    samples_us = SKEWED.samples_us(100_000)
    assert SKEWED.mean_us == pytest.approx(statistics.fmean(samples_us), rel=1e-6)
    assert SKEWED.standard_deviation_us == pytest.approx(statistics.pstdev(samples_us), rel=1e-6)
    assert (SKEWED.least_us, SKEWED.most_us) == (0, 5000)


def test_equal_delays_are_a_single_one() -> None:
    single = Distribution((0, 1), (7, 7))
    assert (single.mean_us, single.standard_deviation_us, single.samples_us(3)) == (7, 0, [7, 7, 7])


@pytest.mark.parametrize(
    ("parts", "delays_us", "message"),
    [
        ((0.0,), (1.0,), "has 2 to 1024 quantiles, not 1"),
        (tuple(map(float, range(MAX_QUANTILES + 1))), (1.0,), "has 2 to 1024 quantiles, not 1025"),
        ((0.0, 1.0), (1.0,), "one delay for each part"),
        ((0.0, 0.9), (1.0, 2.0), "rise from 0 to 1"),
        ((0.0, 0.5, 0.5, 1.0), (1.0, 2.0, 3.0, 4.0), "rise from 0 to 1"),
        ((0.0, math.nan, 1.0), (1.0, 2.0, 3.0), "rise from 0 to 1"),
        ((0.0, 1.0), (2.0, 1.0), "fall from one part to the next"),
        ((0.0, 1.0), (1.0, math.nan), "fall from one part to the next"),
        ((0.0, 1.0), (-1.0, 1.0), "from 0 to 60 s"),
        ((0.0, 1.0), (0.0, 6.1e7), "from 0 to 60 s"),
    ],
)
def test_what_is_no_distribution_is_refused(
    parts: tuple[float, ...], delays_us: tuple[float, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Distribution(parts, delays_us)
