"""Values of attributes: sites, addresses, masks, numbers, flavors, delays and the rest."""

from decimal import Decimal

import pytest

from gtsdsl.circuits import SITES
from gtsdsl.model.values import Value
from tests.rules.build import bed, codes, findings, host, item, judged, link, ofx, only, port, vsi

NOTHING = ".".join("0000")
CODES = [code for site in SITES for code in (site.code, *site.aliases)]


@pytest.mark.parametrize("code", [*CODES, *(code.lower() for code in CODES), "Ams"])
def test_known_sites(code: str) -> None:
    assert codes(bed(host("h", location=code))) == []


@pytest.mark.parametrize(
    ("location", "hint"),
    [
        ("AMX", "did you mean `AMS`?"),
        ("AMD", "did you mean `AMS`?"),
        ("mli", "did you mean `MIL`?"),
        ("L0N", "did you mean `LON`?"),
        ("Amsterdam", "did you mean `AMS`?"),
        ("prague", "did you mean `PRA`?"),
        ("XYZ", f"the known sites: {', '.join(CODES)}"),
        ("", f"the known sites: {', '.join(CODES)}"),
        ("A" * 100_000, f"the known sites: {', '.join(CODES)}"),
    ],
)
def test_unknown_sites(location: str, hint: str) -> None:
    item = host("h", location=location)
    finding = only(bed(item))
    assert (finding.code, finding.hint) == ("GTS032", hint)
    assert not finding.is_error
    assert finding.place == item.attribute_places["location"]
    assert len(finding.message) < 200


def test_a_host_may_stand_nowhere() -> None:
    assert codes(bed(host("h", location=None))) == []


def test_the_site_of_a_nested_testbed() -> None:
    assert codes(bed(bed(host("h"), id="s", location="XYZ"))) == ["GTS032"]


ADDRESSES = [("ofx", "fabricIPv4"), ("ofx", "controllerIPv4"), ("vsi", "switchIPv4Addr"), ("vsi", "controllerIPv4")]


@pytest.mark.parametrize(("cls", "name"), ADDRESSES)
@pytest.mark.parametrize("value", ["10.10.10.1", "192.168.0.254", "1.1.1.1", "127.0.0.1", "62.40.110.10"])
def test_good_addresses(cls: str, name: str, value: str) -> None:
    assert judged(cls, name, value) == []


@pytest.mark.parametrize(("cls", "name"), ADDRESSES)
@pytest.mark.parametrize(
    "value",
    [
        "10.0.0.256",
        "10.0.0",
        "10.0.0.1.2",
        "010.0.0.1",
        "0x0a.0.0.1",
        "10.0.0.1/24",
        " 10.0.0.1",
        "10.0.0.1\n",
        "",
        "localhost",
        "::1",
        "1.2.3.-4",
        "١٠.0.0.1",
        NOTHING,
        "224.0.0.1",
        "255.255.255.255",
        167772161,
        Decimal("10.1"),
        None,
        True,
        ["10.0.0.1"],
        {"ipv4": "10.0.0.1"},
        "1" * 100_000,
    ],
)
def test_bad_addresses(cls: str, name: str, value: Value) -> None:
    assert judged(cls, name, value) == ["GTS033"]


MASKS = [("ofx", "fabricSubnetMaskv4"), ("vsi", "switchIPv4Mask")]


@pytest.mark.parametrize(("cls", "name"), MASKS)
@pytest.mark.parametrize("length", range(1, 33))
def test_good_masks(cls: str, name: str, length: int) -> None:
    bits = (0xFFFFFFFF << (32 - length)) & 0xFFFFFFFF
    assert judged(cls, name, ".".join(str(byte) for byte in bits.to_bytes(4, "big"))) == []


@pytest.mark.parametrize(("cls", "name"), MASKS)
@pytest.mark.parametrize(
    "value",
    [
        "255.0.255.0",
        "255.255.255.1",
        "0.255.255.255",
        NOTHING,
        "0.0.0.255",
        "255.255.256.0",
        "255.255.255",
        "24",
        "/24",
        24,
        "",
        None,
        ["255.255.255.0"],
        False,
    ],
)
def test_bad_masks(cls: str, name: str, value: Value) -> None:
    assert judged(cls, name, value) == ["GTS034"]


@pytest.mark.parametrize("value", [1, 6633, "6633", 6653, 65535, "65535", "1"])
def test_good_tcp_ports(value: Value) -> None:
    assert judged("ofx", "controllerPort", value) == []
    assert judged("vsi", "controller", {"ipv4": "10.0.0.1", "port": value}) == []


@pytest.mark.parametrize(
    "value",
    [
        0,
        -1,
        65536,
        "0",
        "65536",
        "066",
        "6633.0",
        Decimal("6633.5"),
        "six",
        "",
        " 80",
        "٣",
        None,
        True,
        [6633],
        pytest.param(10**5000, id="huge"),
        "9" * 9999,
    ],
)
def test_bad_tcp_ports(value: Value) -> None:
    assert judged("ofx", "controllerPort", value) == ["GTS035"]
    assert judged("vsi", "controller", {"ipv4": "10.0.0.1", "port": value}) == ["GTS035"]


@pytest.mark.parametrize("value", [1, 28, "3", 65280])
def test_good_logical_ports(value: Value) -> None:
    assert codes(bed(vsi("s", port("p", logicalPort=value)))) == []


@pytest.mark.parametrize("value", [0, -1, 65281, 65535, "0", "p1", "", Decimal("1.5"), True, None, [1]])
def test_bad_logical_ports(value: Value) -> None:
    assert codes(bed(vsi("s", port("p", logicalPort=value)))) == ["GTS035"]


def test_a_logical_port_is_used_once_in_a_switch() -> None:
    first, second = port("a", logicalPort=1), port("b", logicalPort="1")
    finding = only(bed(vsi("s", first, second), vsi("t", port("a", logicalPort=1))))
    assert finding.message == "ports `a` and `b` of vsi `s` have the same `logicalPort`, 1"
    assert finding.place == second.attribute_places["logicalPort"]
    assert finding.notes[0].place == first.attribute_places["logicalPort"]


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        ("host", "imageId", "Ubuntu-14.04.qcow2"),
        ("baremetalserver", "image", "CentOS-7-Minimal.iso"),
        ("host", "description", "any $(text) \x1b"),
        ("host", "description", 5),
        ("host", "label", "h1"),
        ("host", "x", 12),
        ("host", "y", Decimal("-12.5")),
        ("host", "x", "120"),
        ("link", "label", Decimal("1.5")),
    ],
)
def test_other_good_values(cls: str, name: str, value: Value) -> None:
    assert judged(cls, name, value) == []


@pytest.mark.parametrize(
    ("cls", "name", "value"),
    [
        ("host", "imageId", ["a"]),
        ("host", "imageId", 14),
        ("host", "imageId", None),
        ("host", "image", {"name": "u"}),
        ("host", "description", ["a", "b"]),
        ("host", "description", None),
        ("host", "label", True),
        ("host", "x", "left"),
        ("host", "y", [1]),
        ("vsi", "controller", "10.0.0.1"),
        ("vsi", "controller", []),
        ("vsi", "controller", [{"ipv4": "10.0.0.1"}, "10.0.0.2"]),
        ("vsi", "controller", None),
    ],
)
def test_other_bad_values(cls: str, name: str, value: Value) -> None:
    assert judged(cls, name, value) == ["GTS039"]


def test_each_of_several_controllers_is_looked_at() -> None:
    blocks: Value = [{"ipv4": "10.0.0.1"}, {"ipv4": "10.0.0.300"}, {"port": 0}]
    found = [finding for finding in findings(bed(vsi("s", controller=blocks))) if finding.code != "GTS041"]
    assert [(finding.code, finding.message.partition(":")[0]) for finding in found] == [
        ("GTS033", "`controller.1.ipv4`"),
        ("GTS035", "`controller.2.port`"),
    ]


def test_the_place_is_that_of_the_value() -> None:
    item = link("l", bandwidth="fast")
    finding = next(finding for finding in findings(bed(item)) if finding.code == "GTS036")
    assert finding.place == item.attribute_places["bandwidth"]


def test_the_place_inside_a_block_is_the_block_where_no_better_is_known() -> None:
    item = vsi("s", controller={"ipv4": "x"})
    finding = next(finding for finding in findings(bed(item)) if finding.code == "GTS033")
    assert finding.place == item.attribute_places["controller"]


def test_values_inside_nested_testbeds_are_looked_at() -> None:
    assert codes(bed(bed(host("h", flavorId="big"), id="s"))) == ["GTS037"]


@pytest.mark.parametrize("value", ["\x1b[31m", "::error::x\n", "\u202e", "x" * 10_000])
def test_hostile_values_are_shown_as_text(value: str) -> None:
    for resource in (host("h", flavorId=value), ofx("s", fabricIPv4=value), host("g", location=value)):
        finding = only(bed(resource))
        assert finding.message.isprintable()
        assert len(finding.message) < 200


@pytest.mark.parametrize(
    ("cls", "name"),
    [
        ("host", "imageId"),
        ("host", "flavorId"),
        ("baremetalserver", "image"),
        ("vsi", "switchIPv4Addr"),
        ("vsi", "switchIPv4Mask"),
        ("vsi", "switchMode"),
        ("ofx", "controllerPort"),
        ("link", "bandwidth"),
    ],
)
def test_what_the_editor_left_undefined_has_a_code_of_its_own(cls: str, name: str) -> None:
    found = [finding for finding in findings(bed(host("h"), item(cls, name, "undefined"))) if name in finding.message]
    assert [finding.code for finding in found] == ["GTS047"]
    assert "editor" in found[0].message
    assert found[0].hint == "give it a value, or leave the attribute out"


def test_a_site_and_a_controller_may_be_undefined_too() -> None:
    assert codes(bed(host("h", location="undefined"))) == ["GTS047"]
    assert "GTS047" in codes(bed(vsi("s", controller={"ipv4": "undefined", "port": 6633})))
    assert "GTS047" in codes(bed(vsi("s", port("p", mode="undefined"))))


def test_a_text_may_be_the_word_undefined() -> None:
    assert codes(bed(host("h", description="undefined", label="undefined"))) == []
