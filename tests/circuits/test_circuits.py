"""The known round trips between two sites: measured figures, estimates, and a user's own file."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtsdsl.circuits import (
    SITES,
    Circuit,
    Circuits,
    Measurement,
    find,
    measured,
    parse_circuits,
    read_circuits,
    site,
    to_json,
)
from gtsdsl.circuits.custom import MAX_CHARACTERS, MAX_CIRCUITS
from gtsdsl.circuits.lookup import DETOUR, FIBRE_US_PER_KM, LOCAL_RTT_MS, measured_us_per_km
from gtsdsl.diagnostics import GtsError
from gtsdsl.source import Source

# The 2016 study, slide "PtP Docker to Docker Latency": minimum, mean, 99th percentile of each overlay.
STUDY = {
    "AMS-MIL": {"libnetwork": (36.3, 36.5, 37.0), "weave": (36.2, 36.5, 37.0), "flannel": (42.5, 42.9, 43.0)},
    "AMS-LJU": {"libnetwork": (30.1, 30.3, 31.0), "weave": (29.8, 30.3, 31.0), "flannel": (29.8, 30.3, 31.0)},
    "AMS-BRA": {"libnetwork": (17.6, 17.7, 18.0), "weave": (17.4, 17.7, 18.0), "flannel": (17.4, 17.7, 18.0)},
    "MIL-LJU": {"libnetwork": (61.8, 62.1, 62.4), "weave": (59.6, 59.8, 60.0), "flannel": (55.6, 55.8, 56.0)},
    "MIL-BRA": {"libnetwork": (12.7, 13.0, 14.0), "weave": (12.9, 13.1, 14.0), "flannel": (12.9, 13.1, 14.0)},
    "BRA-LJU": {"libnetwork": (47.1, 47.4, 48.0), "weave": (43.1, 59.5, 130.0), "flannel": (43.1, 43.4, 44.0)},
}
OWN_RTT_MS = {"AMS-MIL": 36.2, "AMS-LJU": 29.8, "AMS-BRA": 17.4, "MIL-LJU": 55.6, "MIL-BRA": 12.7, "BRA-LJU": 43.1}
PAIRS = [(first.code, second.code) for first, second in itertools.combinations(SITES, 2)]
ESTIMATED = [pair for pair in PAIRS if pair not in measured()]


def known(site_a: str, site_b: str, own: Circuits | None = None) -> Circuit:
    circuit = find(site_a, site_b, own)
    assert circuit is not None
    return circuit


def parse(text: str) -> Circuits:
    return parse_circuits(Source("own.json", text))


def test_eleven_sites() -> None:
    assert [item.code for item in SITES] == [
        "AMS",
        "BRA",
        "CPH",
        "ERL",
        "HAM",
        "LJU",
        "LON",
        "MAD",
        "MIL",
        "PAR",
        "PRA",
    ]


@pytest.mark.parametrize(
    ("code", "city"),
    [("AMS", "Amsterdam"), ("ams", "Amsterdam"), (" Mil ", "Milan"), ("PRA", "Prague"), ("prg", "Prague")],
)
def test_a_code_in_any_spelling(code: str, city: str) -> None:
    found = site(code)
    assert found is not None
    assert found.city == city


@pytest.mark.parametrize("code", ["", "XYZ", "AMSTERDAM", "A\0MS"])
def test_no_such_site(code: str) -> None:
    assert site(code) is None


@pytest.mark.parametrize(
    ("code", "latitude", "longitude"),
    [
        ("AMS", 52.37, 4.90),
        ("BRA", 48.15, 17.11),
        ("LJU", 46.06, 14.51),
        ("MIL", 45.46, 9.19),
        ("PRA", 50.08, 14.44),
    ],
)
def test_places_of_the_study_s_sites(code: str, latitude: float, longitude: float) -> None:
    found = site(code)
    assert found is not None
    assert (found.latitude, found.longitude) == (latitude, longitude)


def test_distance_is_that_of_an_atlas() -> None:
    london, paris = site("LON"), site("PAR")
    assert london is not None
    assert paris is not None
    assert london.distance_km(paris) == pytest.approx(344, abs=2)
    assert london.distance_km(london) == 0


@pytest.mark.parametrize("name", STUDY)
def test_measured_circuit(name: str) -> None:
    site_a, site_b = name.split("-")
    circuit = known(site_a, site_b)
    assert circuit.rtt_ms == circuit.low_ms == circuit.high_ms == OWN_RTT_MS[name]
    assert not circuit.estimated
    assert circuit.one_way_us == pytest.approx(OWN_RTT_MS[name] * 500)
    assert "2016" in circuit.source
    assert "smallest minimum" in circuit.statistic
    assert circuit.measurements == tuple(Measurement(overlay, *figures) for overlay, figures in STUDY[name].items())


def test_nothing_else_is_measured() -> None:
    assert {frozenset(sites) for sites in measured()} == {frozenset(name.split("-")) for name in STUDY}
    assert len(ESTIMATED) == 55 - 6


@pytest.mark.parametrize(("site_a", "site_b"), PAIRS)
def test_order_and_case_do_not_matter(site_a: str, site_b: str) -> None:
    assert find(site_a, site_b) == find(site_b.lower(), site_a.lower())


def test_aliases_are_one_site() -> None:
    assert find("PRG", "AMS") == find("AMS", "PRA")


@pytest.mark.parametrize(("site_a", "site_b"), ESTIMATED)
def test_estimate(site_a: str, site_b: str) -> None:
    circuit = known(site_a, site_b)
    first, second = site(site_a), site(site_b)
    assert first is not None
    assert second is not None
    distance_km = first.distance_km(second)
    assert circuit.estimated
    assert circuit.rtt_ms == pytest.approx(distance_km * FIBRE_US_PER_KM * DETOUR / 1000, abs=0.05)
    assert circuit.low_ms < circuit.rtt_ms < circuit.high_ms
    assert circuit.low_ms > distance_km * FIBRE_US_PER_KM / 1000, "nothing is faster than light in fibre"
    assert circuit.source.startswith("fibre")
    assert circuit.measurements == ()


def test_interval_is_what_the_measured_circuits_span() -> None:
    least, most = measured_us_per_km()
    assert (math.floor(least), math.ceil(most)) == (17, 142)
    prague = known("AMS", "PRA")
    assert (prague.low_ms, prague.rtt_ms, prague.high_ms) == (12.6, 27.9, 100.6)
    assert "17 to 142 µs per km" in prague.source


@pytest.mark.parametrize("name", STUDY)
def test_each_measured_circuit_is_within_the_interval_that_an_estimate_would_give_it(name: str) -> None:
    first, second = (site(code) for code in name.split("-"))
    assert first is not None
    assert second is not None
    least, most = measured_us_per_km()
    rtt_us_per_km = OWN_RTT_MS[name] * 1000 / first.distance_km(second)
    assert least <= rtt_us_per_km <= most


@pytest.mark.parametrize("code", ["AMS", "PRG", "nowhere"])
def test_one_site_is_a_short_local_path(code: str) -> None:
    circuit = known(code, code)
    assert circuit.rtt_ms == LOCAL_RTT_MS == 0.1
    assert circuit.low_ms <= circuit.rtt_ms <= circuit.high_ms
    assert circuit.estimated


def test_no_circuit_to_an_unknown_site() -> None:
    assert find("AMS", "XYZ") is None


@pytest.mark.parametrize(
    "text",
    [
        '{"AMS-MIL": 40}',
        '{"mil-ams": 40.0}',
        '{"AMS-MIL": "40ms"}',
        '{"AMS-MIL": "40000us"}',
        '{"AMS-MIL": "0.04s"}',
        '\ufeff{"AMS-MIL": 40}',
        '{"circuits": {"AMS-MIL": 40}}',
        '{"circuits": [{"sites": ["AMS", "MIL"], "rtt_ms": 40}]}',
        '{"unit": "milliseconds, round trip", "circuits": [{"sites": ["mil", "ams"], "rtt_ms": "40 ms"}]}',
    ],
)
def test_own_figure_goes_before_the_measured_one(text: str) -> None:
    own = parse(text)
    circuit = known("AMS", "MIL", own)
    assert circuit == Circuit(("AMS", "MIL"), 40.0, 40.0, 40.0, False, "given", "own.json")
    assert find("AMS", "LJU", own) == find("AMS", "LJU")


def test_own_site_without_a_place() -> None:
    own = parse('{"AMS-LAB": 5}')
    assert known("lab", "ams", own).rtt_ms == 5
    assert find("LAB", "MIL", own) is None


def test_own_site_with_a_place_gets_estimates() -> None:
    own = parse(
        '{"sites": [{"code": "vie", "city": "Vienna", "latitude": 48.21, "longitude": 16.37, "aliases": ["wien"]}]}'
    )
    assert known("AMS", "Wien", own) == known("VIE", "AMS", own)
    assert known("AMS", "VIE", own).estimated
    near = parse('{"sites": [{"code": "MXP", "latitude": 45.46, "longitude": 9.19}]}')
    assert known("MIL", "MXP", near).rtt_ms == LOCAL_RTT_MS


def test_own_local_path() -> None:
    assert known("AMS", "AMS", parse('{"AMS-AMS": 0}')).rtt_ms == 0


def test_own_figure_under_an_alias() -> None:
    assert known("PRA", "AMS", parse('{"PRG-AMS": 20}')).rtt_ms == 20


def test_all_that_is_known_comes_back_from_its_json() -> None:
    circuits = [known(*pair) for pair in PAIRS]
    back = parse(to_json(circuits, SITES))
    assert list(back.circuits.values()) == circuits
    assert tuple(back.sites.values()) == SITES


CODES = st.text(st.characters(exclude_characters="-", exclude_categories=["Cs", "Z"]), min_size=1, max_size=8)


@given(st.dictionaries(st.tuples(CODES, CODES), st.floats(0, 60_000)))
def test_any_own_circuits_come_back(figures: dict[tuple[str, str], float]) -> None:
    try:
        own = parse(json.dumps({f"{a}-{b}": rtt_ms for (a, b), rtt_ms in figures.items()}))
    except GtsError:
        return  # two names of one circuit, or a code that is only white space or too long in capitals
    assert parse(to_json(own.circuits.values(), own.sites.values())) == own


def test_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"AMS-MIL": 40}', "utf-8")
    assert known("AMS", "MIL", read_circuits(path)).rtt_ms == 40


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(GtsError) as caught:
        read_circuits(tmp_path / "no.json")
    assert caught.value.diagnostics[0].code == "GTS002"


@pytest.mark.parametrize(
    ("text", "marked", "said"),
    [
        ("", "", "not JSON"),
        ("{", "", "not JSON"),
        ("[]", "[]", "an object"),
        ("3", "3", "an object"),
        ('{"AMS": 3}', "3", "two sites"),
        ('{"A-B-C": 3}', "3", "two sites"),
        ('{"-MIL": 3}', "3", "code has 1 to 64"),
        ('{"AMS-MIL": -1}', "-1", "a number from 0"),
        ('{"AMS-MIL": 1e999}', "1e999", "a number has more than 100 digits"),
        ('{"AMS-MIL": 60001}', "60001", "a number from 0 to 60,000"),
        ('{"AMS-MIL": true}', "true", "a number"),
        ('{"AMS-MIL": null}', "null", "a number"),
        ('{"AMS-MIL": [3]}', "[3]", "a number"),
        ('{"AMS-MIL": "40"}', '"40"', "not a duration"),
        ('{"AMS-MIL": "fast"}', '"fast"', "not a duration"),
        ('{"AMS-MIL": 3, "MIL-AMS": 4}', "4", "given twice"),
        ('{"circuits": 3}', "3", "a list"),
        ('{"circuits": [3]}', "3", "an object"),
        ('{"circuits": [{}]}', "{}", "`sites` is missing"),
        ('{"circuits": [{"sites": ["A", "B"]}]}', '{"sites": ["A", "B"]}', "`rtt_ms` is missing"),
        ('{"circuits": [{"sites": ["A"], "rtt_ms": 3}]}', '["A"]', "joins two sites"),
        ('{"circuits": [{"sites": ["A", 7], "rtt_ms": 3}]}', "7", "a text"),
        ('{"circuits": [{"sites": ["A", "B"], "rtt": 3}]}', "3", "the key `rtt` has no meaning here"),
        ('{"circuits": [{"sites": ["A", "B"], "rtt_ms": 3, "low_ms": 4}]}', "3", "not between"),
        ('{"circuits": [{"sites": ["A", "B"], "rtt_ms": 3, "estimated": 1}]}', "1", "true or false"),
        ('{"circuits": [{"sites": ["A", "B"], "rtt_ms": 3, "measurements": {"x": {"min": 1}}}]}', None, "`mean`"),
        ('{"sites": [{"code": "A"}]}', '{"code": "A"}', "`latitude` is missing"),
        ('{"sites": [{"code": "A", "latitude": 91, "longitude": 0}]}', "91", "-90 to 90"),
        ('{"sites": [{"code": "A", "latitude": 1, "longitude": 0, "aliases": "x"}]}', '"x"', "a list"),
        ('{"circuit": [], "sites": []}', "[]", "the key `circuit` has no meaning here"),
        ('{"AMS-MIL": NaN}', "NaN", "`NaN` is not a JSON number"),
        ('{"AMS-MIL": ' + "9" * 5000 + "}", "9" * 5000, "a number has more than 100 digits"),
        ('{"AMS-MIL": 1, "AMS-MIL": 2}', "2", "the key `AMS-MIL` occurs twice in one object"),
        ("[" * 100_000, "[", "more than 64 deep"),
    ],
)
def test_bad_file(text: str, marked: str | None, said: str) -> None:
    with pytest.raises(GtsError) as caught:
        parse(text)
    (diagnostic,) = caught.value.diagnostics
    assert diagnostic.code == "GTS007"
    assert said in diagnostic.message
    if marked is not None:
        assert diagnostic.place is not None
        span = diagnostic.source.span(diagnostic.place)
        assert text[span.start : span.end] == marked


def test_both_places_of_a_circuit_that_is_given_twice() -> None:
    with pytest.raises(GtsError) as caught:
        parse('{"AMS-PRA": 3, "PRG-AMS": 4}')
    (diagnostic,) = caught.value.diagnostics
    span = diagnostic.source.span(diagnostic.notes[0].place)
    assert diagnostic.source.text[span.start : span.end] == "3"


def test_all_mistakes_are_reported_up_to_a_bound() -> None:
    with pytest.raises(GtsError) as caught:
        parse('{"AMS-MIL": -1, "AMS-LJU": "x", "AMS-BRA": 1}')
    assert len(caught.value.diagnostics) == 2
    with pytest.raises(GtsError) as caught:
        parse(json.dumps({f"A-B{index}": -1 for index in range(1000)}))
    assert len(caught.value.diagnostics) == 20


def test_bounds() -> None:
    with pytest.raises(GtsError, match="more than 10,000"):
        parse(json.dumps({f"A-B{index}": 1 for index in range(MAX_CIRCUITS + 1)}))
    with pytest.raises(GtsError) as caught:
        parse(" " * (MAX_CHARACTERS + 1))
    assert caught.value.diagnostics[0].code == "GTS005"


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["circuits", "sites", "A-B", "code"]), inner),
    )
)
def test_any_json_is_read_or_refused(document: object) -> None:
    try:
        parse(json.dumps(document))
    except GtsError as error:
        for diagnostic in error.diagnostics:
            if diagnostic.place is not None:
                diagnostic.source.span(diagnostic.place)
