"""Projects of the drag-and-drop editor are written as the editor writes them, and read as testbeds."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings

from gtsdsl.data import shipped
from gtsdsl.loading import read_json as read
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.source import Source
from gtsdsl.targets.editor_json import write
from tests.hostile import hostile_testbed
from tests.strategies import valid_testbeds
from tests.targets import golden, small

A, B = "2956013f-6956-4577-85ec-0df2b466fcfe", "8cde2bf2-afa6-4ace-89bc-03f2070bf973"


def node(node_id: str, name: str, **members: object) -> dict[str, object]:
    """Return a node with all the members that the editor itself saves."""
    return {
        "id": node_id, "x": -240, "y": -37, "label": name, "group": "host", "dsl_id": name, "location": "lon",
        "image": "Ubuntu-14.04.qcow2", "flavor": "c1r1h10", "ports": {"p1": "p1"}, "ports_count": 1,
        "selfieRadiuses": [], "title": "<pre><code>host …</code></pre>",
    } | members  # fmt: skip


def edge(**members: object) -> dict[str, object]:
    return {
        "from": A, "to": B, "name": "num1", "from_port": "p1", "to_port": "p1", "selfie": False,
        "id": "bc465025-9486-42a9-ab96-0d5d287aab56", "title": "<pre><code>link …</code></pre>",
    } | members  # fmt: skip


def project(**members: object) -> dict[str, object]:
    whole: dict[str, object] = {"dsl_id": "Example", "dsl_description": "Two VMs and a link"}
    return whole | {"nodes": [node(A, "Client"), node(B, "Server")], "edges": [edge()]} | members


def reread(text: str) -> Testbed:
    testbed, diagnostics = read(Source("x.json", text))
    assert diagnostics == ()
    assert testbed is not None
    return testbed


def test_a_project_as_the_editor_saves_it() -> None:
    attributes: dict[str, Value] = {"imageId": "Ubuntu-14.04.qcow2", "flavorId": "c1r1h10"}
    assert reread(json.dumps(project())) == Testbed(
        "Example",
        "Example",
        "Two VMs and a link",
        resources=(
            Resource("host", "Client", "lon", attributes, (Port("p1"),)),
            Resource("host", "Server", "lon", attributes, (Port("p1"),)),
            Resource("link", "num1", None, {}, small.SRC_DST),
        ),
        adjacencies=(
            Adjacency(PortRef("Client", "p1"), PortRef("num1", "src")),
            Adjacency(PortRef("Server", "p1"), PortRef("num1", "dst")),
        ),
    )


@pytest.mark.parametrize(
    ("name", "testbed"), [("pair", small.pair()), ("switches", small.switches()), ("islands", small.islands(2, 3))]
)
def test_golden(name: str, testbed: Testbed) -> None:
    text = write(testbed)
    golden.matches(f"{name}.editor.json", text)
    assert sorted_parts(reread(text)) == sorted_parts(testbed)
    assert write(reread(text)) == text


def sorted_parts(testbed: Testbed) -> object:
    """Return what the format keeps of a testbed: all but the order of nodes among links and of an adjacency's ends."""
    flat = flatten(testbed)
    resources = [
        replace(item, location=(item.location or "").lower() or None)
        for item in flat.resources
        if isinstance(item, Resource)
    ]
    return (
        (flat.type, flat.id, flat.description or None, dict(flat.attributes)),
        sorted(resources, key=lambda item: item.id),
        sorted(sorted((adjacency.first, adjacency.second)) for adjacency in flat.adjacencies),
    )


@pytest.mark.slow("writes and reads hundreds of random testbeds")
@given(valid_testbeds())
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_the_format_can_hold_comes_back(testbed: Testbed) -> None:
    testbed = replace(
        testbed,
        ports=(),
        adjacencies=tuple(it for it in testbed.adjacencies if it.first.resource and it.second.resource),
    )
    assume(all(item.cls != "router" for item in flatten(testbed).resources if isinstance(item, Resource)))
    text = write(testbed)
    again = reread(text)
    # the end that an edge begins at is that of its link's first port, whatever that is called
    assert sorted_ports(again) == sorted_ports(testbed)
    schema = json.loads(shipped("docs", "schema", "editor-json.schema.json").read_text(encoding="utf-8"))
    jsonschema_rs.Draft202012Validator(schema).validate(json.loads(text))


def sorted_ports(testbed: Testbed) -> object:
    flat = flatten(testbed)
    resources = tuple(
        replace(item, ports=tuple(sorted(item.ports, key=lambda port: port.id)))
        for item in flat.resources
        if isinstance(item, Resource)
    )
    return sorted_parts(replace(flat, resources=resources))


def test_hostile_ids_are_data() -> None:
    assert sorted_parts(reread(write(hostile_testbed()))) == sorted_parts(hostile_testbed())


def test_ids_are_uuids_that_stay_the_same() -> None:
    whole = json.loads(write(small.pair()))
    ids = [item["id"] for item in whole["nodes"] + whole["edges"]]
    assert len({UUID(text) for text in ids}) == 3
    assert write(small.pair()) == write(small.pair())
    other = json.loads(write(replace(small.pair(), id="other")))
    assert other["nodes"][0]["id"] not in ids


def test_nodes_do_not_cover_each_other() -> None:
    hosts = tuple(Resource("host", f"h{i}", ("AMS", "MIL", "LJU")[i % 3]) for i in range(50))
    places = [(item["x"], item["y"]) for item in json.loads(write(Testbed("T", "t", resources=hosts)))["nodes"]]
    for index, (x, y) in enumerate(places):
        assert all(max(abs(x - other_x), abs(y - other_y)) >= 100 for other_x, other_y in places[:index])


def test_a_switch_is_in_the_editors_fields() -> None:
    vsi, ofx, server = json.loads(write(small.switches()))["nodes"]
    assert [item["group"] for item in (vsi, ofx, server)] == ["vsi", "vsi", "bms"]
    assert vsi["controller"] == {"ipv4": "10.10.100.100", "port": 6633}
    assert vsi["ports"] == {"p1": {"logicalPort": 1}, "c": {"mode": '"CONTROL"'}}
    assert ofx["switchIPv4Addr"] == "192.168.1.1"
    assert ofx["controller"] == {"ipv4": "192.168.1.2", "port": "6633"}
    assert server["image"] == "CentOS-6.x-minimal.iso"
    assert [item["location"] for item in (vsi, ofx, server)] == ["ams", "prg", "ham"]
    assert vsi["label"] == vsi["dsl_id"] == "v1"


def test_an_ofx_that_the_editor_saved_as_vsi_is_a_vsi() -> None:
    whole = json.loads(write(small.switches()))
    del whole["nodes"][1]["dsl_class"]
    switch = reread(json.dumps(whole)).resources[1]
    assert isinstance(switch, Resource)
    assert switch.cls == "vsi"
    assert switch.attributes["controller"] == {"ipv4": "192.168.1.2", "port": "6633"}


@pytest.mark.parametrize("empty", ["", None])
def test_empty_fields_are_as_absent_ones(empty: str | None) -> None:
    members = dict.fromkeys(("location", "image", "flavor"), empty)
    switch = node("s", "s", group="vsi", switchIPv4Addr=empty, controller={"ipv4": empty, "port": empty})
    whole = project(
        dsl_description=empty, nodes=[node(A, "a", **members), node(B, "b"), switch], edges=[edge(bandwidth=empty)]
    )
    testbed = reread(json.dumps(whole))
    assert testbed.description is None
    assert testbed.resources[0] == Resource("host", "a", None, {}, (Port("p1"),))
    for resource in testbed.resources[2:]:
        assert resource.attributes == {}


def test_edges_without_a_name_get_one() -> None:
    whole = project(edges=[edge(name="l1"), edge(name=""), edge(name=None)])
    assert [link.id for link in reread(json.dumps(whole)).links] == ["l1", "l2", "l3"]


@pytest.mark.parametrize("bandwidth", [1000, "1000", 2.5])
def test_bandwidth_keeps_its_kind(bandwidth: object) -> None:
    link = next(reread(json.dumps(project(edges=[edge(bandwidth=bandwidth)]))).links)
    assert link.attributes == {"bandwidth": bandwidth}


@pytest.mark.parametrize(
    ("testbed", "message"),
    [
        (Testbed("T", "t", resources=(Resource("router", "r1"),)), "`r1` is of class `router`"),
        (replace(small.island("i", 2), parameters={}), "exports `up`"),
        (Testbed("T", "t", resources=(Resource("link", "l1"),)), "join two resources each, and `l1` does not"),
        (
            Testbed(
                "T",
                "t",
                resources=(Resource("host", "a", ports=(Port("p"),)), Resource("host", "b", ports=(Port("p"),))),
                adjacencies=(Adjacency(PortRef("a", "p"), PortRef("b", "p")),),
            ),
            "joins `a.p` and `b.p` by none",
        ),
        (Testbed("T", "t", resources=(Resource("host", "a"), Resource("host", "a"))), "two resources have the id `a`"),
    ],
)
def test_what_the_editor_has_no_place_for_is_a_value_error(testbed: Testbed, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write(testbed)


@pytest.mark.parametrize(
    ("whole", "message", "place"),
    [
        ({"dsl_id": "x", "nodes": []}, "`edges` is missing here", '{"dsl_id": "x", "nodes": []}'),
        (project(dsl_id=""), "this must not be empty", '""'),
        (project(nodes={}), "this must be an array, and is an object", "{}"),
        (project(nodes=[3], edges=[]), "this must be an object, and is a number", "3"),
        (project(nodes=[node(A, "a", group="cloud")], edges=[]),
         'this must be one of "host", "vsi", "bms"', '"cloud"'),
        (project(nodes=[node(A, "a", ports=["p1"])], edges=[]), "this must be an object, and is an array", '["p1"]'),
        (project(nodes=[node(A, "a", ports={"p1": 3})], edges=[]),
         "this must be a string or an object or null, and is a number", "3"),
        (project(nodes=[node(A, "a", ports={"": "x"})], edges=[]), "a name must not be empty", '"x"'),
        (project(nodes=[node(A, "a", ports={"p": {"a b": 1}})], edges=[]),
         "`a b` cannot be a name in the DSL: a name has letters, digits and `_`, and no digit first", "1"),
        (project(nodes=[node(A, "a", location=7)], edges=[]), "this must be a string or null, and is a number", "7"),
        (project(nodes=[node(A, "a"), node(A, "b")], edges=[]), f"two nodes have the id `{A}`", f'"{A}"'),
        (project(edges=[edge(to="nobody")]), "no node has the id `nobody`", '"nobody"'),
        (project(edges=[edge(from_port=None)]), "this must be a string, and is null", "null"),
        (project(edges=[edge(bandwidth=[])]), "this must be a string or a number or null, and is an array", "[]"),
        (project(edges=[edge(ports={"src": {}})]), "this must have at least 2 members", '{"src": {}}'),
    ],
)  # fmt: skip
def test_what_is_wrong_has_a_sentence_and_a_place(whole: dict[str, object], message: str, place: str) -> None:
    source = Source("x.json", json.dumps(whole))
    testbed, diagnostics = read(source)
    assert testbed is None
    assert [(item.code, item.message) for item in diagnostics] == [("GTS006", message)]
    assert diagnostics[0].place is not None
    span = source.span(diagnostics[0].place)
    assert source.text[span.start : span.end] == place


def test_places_are_those_of_the_values() -> None:
    text = json.dumps(project(edges=[edge(bandwidth=100)]))
    testbed = reread(text)
    host, link = testbed.resources[0], testbed.resources[2]
    assert isinstance(host, Resource)
    assert isinstance(link, Resource)
    for place, found in [
        (host.place, '"Client"'),
        (host.attribute_places["imageId"], '"Ubuntu-14.04.qcow2"'),
        (host.attribute_places["location"], '"lon"'),
        (host.ports[0].place, '"p1"'),
        (link.place, '"num1"'),
        (link.attribute_places["bandwidth"], "100"),
        (testbed.adjacencies[1].first_place, '"p1"'),
    ]:
        assert place is not None
        span = Source("x", text).span(place)
        assert text[span.start : span.end] == found
