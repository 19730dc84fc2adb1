"""Files of measured delays."""

from __future__ import annotations

import statistics

import pytest

from gtsdsl.circuits import Circuits, MeasuredDelays
from gtsdsl.circuits.samples import MAX_SAMPLES, parse_samples
from gtsdsl.diagnostics import GtsError
from gtsdsl.model.distribution import MAX_RANGE_US, Distribution, distribution_of
from gtsdsl.source import Source
from gtsdsl.topology.delays import Delays, delays


def parsed(text: str) -> MeasuredDelays:
    return parse_samples(Source("samples.csv", text))


@pytest.mark.parametrize(
    ("text", "is_round_trip", "delays_us"),
    [
        ("rtt_ms\n36.5\n36\n", True, (36_000, 36_500)),
        ("rtt_us\r\n36500\r\n36000\r\n", True, (36_000, 36_500)),
        ("one_way_ms\n 1.25 \n1", False, (1000, 1250)),
        ("one_way_us\n0\n0\n", False, (0, 0)),
    ],
)
def test_a_column_of_delays(text: str, is_round_trip: bool, delays_us: tuple[float, float]) -> None:
    assert parsed(text) == MeasuredDelays(is_round_trip, Distribution((0, 1), delays_us))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is not the heading"),
        ("delay\n1\n2\n", 1, "`delay` is not the heading of a column of delays: write rtt_ms, rtt_us"),
        ("36.5\n36\n", 1, "`36.5` is not the heading"),
        ("rtt_ms\n1\n-2\n", 3, "`-2` is not a delay"),
        ("rtt_ms\n1\n\n2\n", 3, "`` is not a delay"),
        ("rtt_ms\n1\n2,3\n", 3, "`2,3` is not a delay"),
        ("rtt_ms\n1\n2ms\n", 3, "`2ms` is not a delay"),
        ("rtt_ms\nnan\n2\n", 2, "`nan` is not a delay"),
        ("rtt_ms\n1e3\n2\n", 2, "`1e3` is not a delay"),
        ("rtt_ms\n1\n60001\n", 3, "60001 ms is more than the 60 s"),
        ("rtt_ms\n1\n", None, "at least 2 samples"),
        ("rtt_ms\n1\n20000\n", None, "differ by at most 17 s"),
        ("rtt_ms\n" + "1\n" * (MAX_SAMPLES + 1), None, "at most 1,000,000 samples"),
    ],
)
def test_what_is_no_column_of_delays(text: str, line: int | None, message: str) -> None:
    with pytest.raises(GtsError) as error:
        parsed(text)
    finding = error.value.diagnostics[0]
    assert message in finding.message
    place = None if finding.place is None else finding.source.position(finding.source.span(finding.place).start).line
    assert place == line


def test_a_file_of_nothing_but_mistakes_ends_after_twenty() -> None:
    with pytest.raises(GtsError) as error:
        parsed("rtt_ms\n" + "x\n" * 100_000)
    assert len(list(error.value.diagnostics)) == 20


def test_quantiles_of_many_samples_have_their_moments_and_ends() -> None:
    samples_us = [1000 * statistics.NormalDist(50, 3).inv_cdf((index + 0.5) / 100_000) for index in range(100_000)]
    found = distribution_of(samples_us)
    assert len(found.parts) < 300
    assert (found.least_us, found.most_us) == (min(samples_us), max(samples_us))
    assert found.mean_us == pytest.approx(statistics.fmean(samples_us), rel=1e-4)
    assert found.standard_deviation_us == pytest.approx(statistics.pstdev(samples_us), rel=0.005)
    for part in (0.001, 0.01, 0.5, 0.99, 0.999, 0.9999):
        assert found.delay_us(part) == pytest.approx(samples_us[round(part * 100_000)], rel=0.002)


def test_delays_too_far_apart_are_no_distribution() -> None:
    assert distribution_of([0, MAX_RANGE_US]).most_us == MAX_RANGE_US
    with pytest.raises(ValueError, match="differ by at most"):
        distribution_of([0, MAX_RANGE_US + 1])


WIDE = Distribution((0, 1), (1000, 5000))
ABOVE = Distribution((0, 1), (0, 4000))


def test_a_measured_round_trip_is_random_on_the_way_back() -> None:
    own = Circuits(every_sampled=MeasuredDelays(True, WIDE))
    assert delays({}, ("AMS", "MIL"), own) == Delays(1000, "given", None, (None, ABOVE))
    assert delays({"delay": "9ms"}, ("AMS", "MIL"), own).source == "link"
    assert delays({}, (None, None), own).rtt_us == 1000


def test_measured_one_way_delays_have_a_direction() -> None:
    short = MeasuredDelays(False, Distribution((0, 1), (10, 10)))
    own = Circuits(sampled={("AMS", "MIL"): MeasuredDelays(False, WIDE)})
    assert delays({}, ("MIL", "AMS"), own) == Delays(2000, "given", (1000, 1000), (ABOVE, ABOVE))
    own = Circuits(sampled={("AMS", "MIL"): MeasuredDelays(False, WIDE), ("MIL", "AMS"): short})
    found = delays({}, ("MIL", "AMS"), own)
    assert (found.one_way_us, found.added) == ((10, 1000), (Distribution((0, 1), (0, 0)), ABOVE))
