"""Quantities and modes: bandwidths, flavors, delays, losses, modes of ports and switches, speeds of processors."""

from decimal import Decimal

import pytest

from gtsdsl.model.testbed import Resource
from gtsdsl.model.values import Value
from tests.rules.build import bed, codes, findings, host, item, judged, only, port, vsi


@pytest.mark.parametrize("value", [1, 100, 1000, "1000", 100_000, Decimal("0.5"), "2.5"])
def test_good_bandwidths(value: Value) -> None:
    assert judged("link", "bandwidth", value) == []


@pytest.mark.parametrize(
    "value", [0, -1, "0", "-5", "fast", "", "1000 Mbit/s", 10**9, "1e3", None, True, [1000], {}, Decimal("NaN")]
)
def test_bad_bandwidths(value: Value) -> None:
    assert judged("link", "bandwidth", value) == ["GTS036"]


@pytest.mark.parametrize("value", [1280, "1280", 1500, 9000, 65_535])
def test_good_mtus(value: Value) -> None:
    assert judged("link", "mtu", value) == []


@pytest.mark.parametrize("value", [68, 576, "1279"])
def test_mtus_without_ipv6(value: Value) -> None:
    assert judged("link", "mtu", value) == ["GTS052"]


@pytest.mark.parametrize(
    "value", [67, 0, -1500, 65_536, "1500/9000", "9k", "", Decimal(1500), Decimal("1500.5"), True, None, [1500], {}]
)
def test_bad_mtus(value: Value) -> None:
    assert judged("link", "mtu", value) == ["GTS051"]


def test_an_mtu_has_no_directions() -> None:
    found = findings(bed(item("link", "mtu", "1500/9000")))
    assert any("belongs to the whole circuit" in finding.message for finding in found)


@pytest.mark.parametrize(("value", "codes"), [(True, []), ("false", []), ("on", ["GTS039"]), (1, ["GTS039"])])
def test_a_black_hole_is_there_or_not(value: Value, codes: list[str]) -> None:
    assert judged("link", "black_hole", value) == codes


@pytest.mark.parametrize("name", ["flavor", "flavorId"])
@pytest.mark.parametrize("value", ["c2r4h20", "c1r1h1", "c64r512h2000", "tiny", "small", "medium", "large"])
def test_good_flavors(name: str, value: str) -> None:
    assert judged("host", name, value) == []


@pytest.mark.parametrize("name", ["flavor", "flavorId"])
@pytest.mark.parametrize(
    "value",
    [
        "c2r4",
        "c0r4h20",
        "c2r0h20",
        "c2r4h0",
        "c02r4h20",
        "c-2r4h20",
        "r4c2h20",
        "c2r4h20 ",
        "c2 r4 h20",
        "big",
        "",
        4,
        None,
        ["c2r4h20"],
        "c2.5r4h20",
        "c9999999r1h1",
        "C2R4H20",
    ],
)
def test_bad_flavors(name: str, value: Value) -> None:
    assert judged("host", name, value) == ["GTS037"]


def test_a_bad_flavor_is_explained() -> None:
    finding = only(bed(host("h", flavorId="c2r4")))
    assert finding.message == '`flavorId`: "c2r4" is not a flavor'
    assert finding.hint is not None
    assert "c2r4h20" in finding.hint


@pytest.mark.parametrize("name", ["delay", "jitter"])
@pytest.mark.parametrize("value", ["18ms", "0ms", "18.25ms", "250us", "1s", "18 ms"])
def test_good_delays(name: str, value: str) -> None:
    assert judged("link", name, value) == []


@pytest.mark.parametrize("name", ["delay", "jitter"])
@pytest.mark.parametrize("value", ["18", 18, "-1ms", "fast", "", "18 minutes", "1h", "61s", None, ["18ms"], {}, True])
def test_bad_delays(name: str, value: Value) -> None:
    assert judged("link", name, value) == ["GTS038"]


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"delay": "1ms", "jitter": "50ms"}, ["GTS045"]),
        ({"delay": "1ms", "jitter": "1000us"}, []),
        ({"delay": "0ms", "jitter": "1us"}, ["GTS045"]),
        ({"jitter": "50ms"}, []),
        ({"delay": "1", "jitter": "50ms"}, ["GTS038"]),
        ({"delay": "9ms/1ms", "jitter": "2ms"}, ["GTS045"]),
        ({"delay": "9ms", "jitter": "2ms", "duplicate": "1%"}, ["GTS038"]),
        ({"delay": "9ms", "jitter": "2ms/0ms", "duplicate": "0%/1%"}, []),
        ({"delay": "9ms", "jitter": "2ms", "duplicate": "1%", "order": "kept"}, []),
        ({"delay": "9ms", "jitter": "3ms normal"}, ["GTS045"]),
        ({"delay": "9ms", "jitter": "2ms normal"}, []),
        ({"delay": "9ms", "jitter": "13ms pareto"}, []),
        ({"delay": "9ms", "jitter": "14ms pareto"}, ["GTS045"]),
        ({"delay": "9ms", "jitter": "1ms 25%"}, ["GTS045"]),
        ({"delay": "9ms", "jitter": "1ms 125%"}, ["GTS038"]),
        ({"delay": "9ms", "reorder": "1%"}, []),
        ({"delay": "0ms", "reorder": "1%"}, ["GTS045"]),
        ({"delay": "9ms/0ms", "reorder": "0%/1%"}, ["GTS045"]),
        ({"delay": "9ms/0ms", "reorder": "1%/0%"}, []),
        ({"delay": "9ms", "reorder": "1%", "order": "kept"}, ["GTS038"]),
        ({"delay": "9ms", "reorder": "1%/0%", "order": "free/kept"}, []),
        ({"delay": "9ms", "order": "kept"}, []),
        ({"loss": "0% 25%"}, ["GTS045"]),
        ({"corrupt": "100% 25%"}, ["GTS045"]),
        ({"duplicate": "1% 25%", "loss": "1% 100%"}, []),
        ({"duplicate": "1% 101%"}, ["GTS038"]),
    ],
)
def test_effects_that_do_not_go_together(attributes: dict[str, Value], found: list[str]) -> None:
    said = codes(bed(Resource("link", "l", attributes=attributes)))
    assert [code for code in said if code in {"GTS038", "GTS045"}] == found


@pytest.mark.parametrize("value", ["0%", "0.1%", "100%", "5 %", "1% 25%", "gemodel 1% 10%", "1%/gemodel 2%"])
def test_good_losses(value: str) -> None:
    assert judged("link", "loss", value) == []


@pytest.mark.parametrize("value", ["101%", "-1%", "0.1", 1, "some", "", None, ["1%"], False])
def test_bad_losses(value: Value) -> None:
    assert judged("link", "loss", value) == ["GTS038"]


@pytest.mark.parametrize("mode", ["CONTROL", "DATA"])
def test_good_port_modes(mode: str) -> None:
    assert codes(bed(vsi("s", port("p", mode=mode)))) == []


@pytest.mark.parametrize(
    ("mode", "hint"),
    [
        ("control", "did you mean `CONTROL`?"),
        ("CONTROLL", "did you mean `CONTROL`?"),
        ("trunk", None),
        (1, None),
        (None, None),
    ],
)
def test_bad_port_modes(mode: Value, hint: str | None) -> None:
    finding = only(bed(vsi("s", port("p", mode=mode))))
    assert (finding.code, finding.hint) == ("GTS039", hint)


@pytest.mark.parametrize("mode", ["hard", "soft"])
def test_good_switch_modes(mode: str) -> None:
    assert judged("vsi", "switchMode", mode) == []


@pytest.mark.parametrize("mode", ["HARD", "medium", "", 1, None, ["hard"]])
def test_bad_switch_modes(mode: Value) -> None:
    assert judged("vsi", "switchMode", mode) == ["GTS039"]


@pytest.mark.parametrize("value", [2, 2.5, "2.5", "2", Decimal("2.5"), Decimal("0.1")])
def test_speeds_of_a_processor(value: Value) -> None:
    value = Decimal(str(value)) if isinstance(value, float) else value
    assert codes(bed(item("host", "cpuSpeed", value))) == []


@pytest.mark.parametrize("value", [0, -1, "0", "fast", "", True, None, [2], "2.5GHz", Decimal("-0.5")])
def test_what_is_no_speed_of_a_processor(value: Value) -> None:
    finding = only(bed(item("host", "cpuSpeed", value)))
    assert finding.code == "GTS039"
    assert "positive number, in GHz" in finding.message
