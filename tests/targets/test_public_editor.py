"""Projects go through the public editor: its DSL is valid, its next link is right, what it cannot say is warned of."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from gtsdsl.loading import check
from gtsdsl.model.testbed import Port, Resource, Testbed
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.targets import compile_to, warnings
from tests.targets import public_editor, small
from tests.targets.samples import host, link, pair, wired

CONTROL: dict[str, Value] = {"mode": "CONTROL"}
ADDRESS: dict[str, Value] = {"switchIPv4Addr": "10.0.9.1", "switchIPv4Mask": "255.255.255.0", "switchMode": "hard"}
CONTROLLER: Value = {"ipv4": "10.0.9.2", "port": "6633"}


def with_switch(cls: str = "vsi", *, ports: tuple[Port, ...] = (), addressed: bool = False, **stated: Value) -> Testbed:
    """Return a testbed whose host is joined to a switch's port ``p`` and to its control port."""
    attributes = {**ADDRESS, **stated} if addressed else stated
    switch = Resource(cls, "sw1", "AMS", attributes, (*(ports or (Port("p"),)), Port("pC", CONTROL)))
    links = [(link("l1"), "vm1.a", f"sw1.{switch.ports[0].id}"), (link("l2"), "vm1.b", "sw1.pC")]
    return wired([host("vm1", "AMS", "a", "b"), switch], links, id="Lab", type="Lab")


def project(testbed: Testbed) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(compile_to(testbed, "editor-json"))
    return found


def read(whole: object) -> Testbed:
    checked = check(Source("x.json", json.dumps(whole)))
    assert [it.message for it in checked.diagnostics if it.is_error] == []
    assert checked.testbed is not None
    return checked.testbed


def said(testbed: Testbed, target: str = "editor-json") -> list[str]:
    return [it.message for it in warnings(testbed, target, Source("x", ""))]


VALID = {
    "hosts without anything": wired([host("h1", "AMS", "p"), host("h2", "MIL", "p")], [(link("l1"), "h1.p", "h2.p")]),
    "a switch with all": with_switch(controller=CONTROLLER, addressed=True),
    "a switch without a controller": with_switch(),
    "a switch with two controllers": with_switch(controller=[CONTROLLER, {"ipv4": "10.0.9.3"}]),
    "half a controller": with_switch(controller={"ipv4": "10.0.9.2"}),
    "a vsi with an ofx's attributes": with_switch(controllerIPv4="10.0.9.2", controllerPort=6653),
    "an ofx without a controller": with_switch("ofx"),
    "an ofx with half a controller": with_switch("ofx", controllerIPv4="10.0.9.2", fabricIPv4="10.0.9.1"),
    "an ofx with a controller": with_switch("ofx", controllerIPv4="10.0.9.2", controllerPort="6633"),
    "ports of all kinds": with_switch(
        ports=(
            Port("p1", {"logicalPort": 1}),
            Port("p2", {"description": "two", "logicalPort": "2"}),
            Port("p3", {"mode": "DATA"}),
            Port("p4", {"label": 'a "quoted" $label'}),
            Port("p5", {"mode": "DATA", "logicalPort": 4}),
        ),
        controller=CONTROLLER,
    ),
    "a server": wired([Resource("baremetalserver", "b", "HAM", {}, (Port("p"),)), host("h", "AMS")], []),
}


@pytest.mark.parametrize("testbed", VALID.values(), ids=VALID)
def test_the_editors_dsl_is_valid(testbed: Testbed) -> None:
    text = public_editor.dsl(project(testbed))
    assert public_editor.UNDEFINED not in text
    checked = check(Source("x.dsl", text))
    assert [(it.code, it.message) for it in checked.diagnostics if it.is_error] == []
    assert checked.testbed is not None
    assert [item.id for item in checked.testbed.resources] == [item.id for item in read(project(testbed)).resources]


@pytest.mark.parametrize("testbed", VALID.values(), ids=VALID)
def test_what_was_made_up_is_left_out_again(testbed: Testbed) -> None:
    whole = project(testbed)
    again = {item.id: item for item in read(whole).resources}
    for item in testbed.resources:
        assert isinstance(item, Resource)
        assert again[item.id] == replace(item, location=item.location.lower() if item.location else None)
    assert project(read(whole)) == whole


def test_what_the_editors_user_changes_is_kept() -> None:
    whole = project(with_switch(controller=[CONTROLLER]))
    vm, switch = whole["nodes"]
    vm["flavor"], switch["controller"] = "c2r2h20", {"ipv4": "10.0.9.9", "port": 6633}
    machine, changed, *_ = read(whole).resources
    assert isinstance(machine, Resource)
    assert isinstance(changed, Resource)
    assert machine.attributes == {"flavorId": "c2r2h20"}
    assert changed.attributes == {"controller": {"ipv4": "10.0.9.9", "port": 6633}}


@pytest.mark.parametrize("mode", ["CONTROL", '"CONTROL"', "'CONTROL'"])
def test_a_mode_is_read_with_and_without_its_quotes(mode: str) -> None:
    whole = project(with_switch(controller=CONTROLLER))
    whole["nodes"][1]["ports"]["pC"] = {"mode": mode}
    switch = read(whole).resources[1]
    assert isinstance(switch, Resource)
    assert switch.ports[1].attributes == CONTROL
    assert project(read(whole))["nodes"][1]["ports"]["pC"] == {"mode": '"CONTROL"'}


@pytest.mark.parametrize("value", ['"', '""', '"a" + "b"', '"a', '"\\q"', '"${x}"', "'", "''", "'''a'''", "12", ""])
def test_any_string_of_a_port_comes_back(value: str) -> None:
    testbed = with_switch(ports=(Port("p", {"logicalPort": 1, "label": value}),), controller=CONTROLLER)
    assert project(read(project(testbed))) == project(testbed)
    switch = read(project(testbed)).resources[1]
    assert isinstance(switch, Resource)
    assert switch.ports[0].attributes == {"logicalPort": 1, "label": value}


@pytest.mark.parametrize(
    ("ports", "count"),
    [((), 0), (("p1", "p2"), 2), (("p2",), 2), (("a", "b", "c"), 3), (("p9", "x"), 9), (("p01", "pp3"), 2),
     (("p" + "9" * 30,), 1)],
)  # fmt: skip
def test_the_next_ports_name_is_free(ports: tuple[str, ...], count: int) -> None:
    (node,) = project(Testbed("T", "t", resources=(host("h", "AMS", *ports),)))["nodes"]
    assert (node["ports_count"], node["selfieRadiuses"]) == (count, [])
    assert public_editor.next_port(node) not in node["ports"]


def test_the_next_ports_number_is_free_on_a_switch() -> None:
    node = project(with_switch(ports=(Port("x", {"logicalPort": 7}), Port("p3")), controller=CONTROLLER))["nodes"][1]
    assert node["ports"]["p3"] == {"logicalPort": 1}
    assert node["ports_count"] == 7


def test_an_ofx_and_a_made_up_controller_are_warned_of() -> None:
    assert said(with_switch("ofx")) == [
        "the editor has no class `ofx`: its DSL makes a `vsi` of `sw1`",
        "the editor needs a controller for each switch: the project makes up 10.10.100.100:6633 for `sw1`",
    ]
    assert len(said(with_switch())) == 1
    assert said(with_switch(controller=CONTROLLER, addressed=True)) == []


@pytest.mark.parametrize(
    ("testbed", "message"),
    [
        (
            Testbed("My_Lab", "My_Lab", resources=(host("h", "AMS"),)),
            "refuses to show the DSL of a testbed with the id",
        ),
        (Testbed("T", "t", resources=(host("h_1", "AMS"),)), "refuses changes to a node with such an id: `h_1`"),
        (Testbed("T", "t", resources=(host("web-1", "AMS"),)), "is wrong where an id is no name: `web-1`"),
        (Testbed("T", "t", resources=(host("h", "AMS", "if"),)), "is wrong where an id is no name: `if`"),
        (Testbed("T", "t", resources=(host("h", None),)), "needs a location for each node"),
        (Testbed("T", "t", "a <b>", resources=(host("h", "AMS"),)), "pastes texts into its page and its DSL as they"),
        (Testbed("T", "t", resources=(host("h", "AMS", imageId='a"b'),)), "pastes texts into its page and its DSL"),
        (
            Testbed("T", "t", resources=(host("h", "AMS", cpuSpeed=2),)),
            "the editor's DSL leaves out `cpuSpeed`, because",
        ),
        (small.islands(2, 3), "`s1/h1`, `s1/h2`, `s2/h1` and 2 more"),
    ],
)
def test_what_the_editor_does_not_take_is_warned_of(testbed: Testbed, message: str) -> None:
    assert [it for it in said(testbed) if message in it] != []


def test_a_bridge_that_obeys_no_controller_is_warned_of() -> None:
    (message,) = said(with_switch(controller=CONTROLLER), "containerlab")
    assert message.endswith("no controller is obeyed by `sw1`")
    assert said(with_switch(), "containerlab") == []
    assert said(with_switch(controller=CONTROLLER), "gts-json") == []


def test_jitter_in_a_lab_is_warned_of() -> None:
    (message,) = said(pair(jitter="1ms"), "containerlab")
    assert message.startswith("no packet overtakes another in the lab")
    assert "the `jitter` of `l1`" in message
    assert said(pair(), "containerlab") == []
    assert said(pair(jitter="1ms"), "mininet") == []
