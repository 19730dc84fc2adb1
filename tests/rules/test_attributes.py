"""Classes and attributes that are not known."""

import pytest

from gtsdsl.model.classes import CLASSES, CONTROLLER_ATTRIBUTES, PORT_ATTRIBUTES, TESTBED_ATTRIBUTES
from gtsdsl.model.testbed import Resource, Testbed
from tests.rules.build import bed, codes, findings, host, link, only, place, port, resource, vsi

BLOCKS = {"id", "location", "port", "controller"}
"""Those that are no plain attributes, or are kept elsewhere in the model."""


@pytest.mark.parametrize(
    ("cls", "name"),
    [(spec.name, name) for spec in CLASSES.values() for name in sorted(spec.attributes.keys() - BLOCKS)],
)
def test_known_attributes_are_known(cls: str, name: str) -> None:
    assert "GTS030" not in codes(bed(resource(cls, "x", **{name: "value"})))


@pytest.mark.parametrize("cls", CLASSES)
def test_each_class_knows_what_all_have(cls: str) -> None:
    assert CLASSES[cls].name == cls
    assert {"id", "description", "label", "x", "y", "port"} <= CLASSES[cls].attributes.keys()


@pytest.mark.parametrize(
    "table",
    [*(spec.attributes for spec in CLASSES.values()), PORT_ATTRIBUTES, CONTROLLER_ATTRIBUTES, TESTBED_ATTRIBUTES],
)
def test_meanings_are_one_line_sentences(table: dict[str, str]) -> None:
    for meaning in table.values():
        assert "\n" not in meaning
        assert meaning[-1] in ".)"
        assert len(meaning) <= 120


@pytest.mark.parametrize(
    ("item", "message", "hint"),
    [
        (host("h", locaton="AMS"), "host has no attribute `locaton`", "did you mean `location`?"),
        (host("h", imageid="u"), "host has no attribute `imageid`", "did you mean `imageId`?"),
        (host("h", bandwidth=1000), "host has no attribute `bandwidth`", None),
        (link("l", bandwith=1000), "link has no attribute `bandwith`", "did you mean `bandwidth`?"),
        (link("l", location="AMS"), "link has no attribute `location`", None),
        (vsi("s", controllerPv4="10.0.0.1"), "vsi has no attribute `controllerPv4`", "did you mean `controllerIPv4`?"),
        (vsi("s", switchIPv4Address="10.0.0.1"), "vsi has no attribute `switchIPv4Address`",
         "did you mean `switchIPv4Addr`?"),
        (resource("ofx", "s", fabricIpv4="10.0.0.1"), "ofx has no attribute `fabricIpv4`",
         "did you mean `fabricIPv4`?"),
        (resource("baremetalserver", "b", flavorId="c2r4h20"), "baremetalserver has no attribute `flavorId`", None),
        (host("h", interface={"id": "p"}), "host has no attribute `interface`", None),
        (Resource("host", "h", attributes={"\x1b[31m": 1}, place=place()), "host has no attribute `\\x1b[31m`", None),
    ],
)  # fmt: skip
def test_unknown_attributes(item: Resource, message: str, hint: str | None) -> None:
    finding = next(finding for finding in findings(bed(item)) if finding.code == "GTS030")
    assert (finding.message, finding.hint) == (message, hint)
    assert finding.place in {item.place, *item.attribute_places.values()}


def test_unknown_attribute_of_a_port() -> None:
    finding = only(bed(vsi("s", port("p", logicalPrt=1))))
    assert (finding.code, finding.message) == ("GTS030", "port has no attribute `logicalPrt`")
    assert finding.hint == "did you mean `logicalPort`?"


def test_unknown_attribute_of_a_controller() -> None:
    found = findings(bed(vsi("s", controller={"ipv4": "10.0.0.1", "prot": 6633})))
    assert ("GTS030", "controller has no attribute `prot`", "did you mean `port`?") in [
        (finding.code, finding.message, finding.hint) for finding in found
    ]


def test_unknown_attribute_of_a_testbed() -> None:
    assert codes(bed(host("h"), descripton="x")) == ["GTS030"]
    assert codes(bed(bed(host("h"), id="s", colour="red"))) == ["GTS030"]


def test_a_parameter_is_a_hint() -> None:
    inner = Testbed("Mesh", "m", parameters={"hosts": 3}, attributes={"host": 5})
    finding = only(bed(host("h"), inner))
    assert (finding.message, finding.hint) == ("testbed Mesh has no attribute `host`", "did you mean `hosts`?")


@pytest.mark.parametrize(
    ("cls", "hint"),
    [
        ("hots", "did you mean `host`?"),
        ("Link", "did you mean `link`?"),
        ("baremetal", "did you mean `baremetalserver`?"),
        ("firewall", None),
        ("</script>", None),
    ],
)
def test_unknown_classes_are_a_warning_and_nothing_else(cls: str, hint: str | None) -> None:
    strange = resource(cls, "x", port("p", speed=[1]), location="MOON", flavorId=[None], bandwidth="fast")
    finding = only(bed(strange))
    assert (finding.code, finding.hint) == ("GTS031", hint)
    assert finding.message == f"class `{cls}` is unknown; gtsdsl keeps it as it is"
    assert finding.place == strange.place
    assert not finding.is_error


def test_an_unknown_class_is_said_once() -> None:
    finding = only(bed(*(resource("vm", f"v{number}") for number in range(1_000))))
    assert finding.message == "class `vm` (of 1,000 resources) is unknown; gtsdsl keeps it as it is"
