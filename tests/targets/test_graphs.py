"""GraphML and node-link JSON, read back by networkx."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import unquote

import networkx as nx
import pytest

from gtsdsl.graph import from_graph, to_graph
from gtsdsl.model.testbed import Port, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.targets import compile_to
from gtsdsl.targets.escaping import escaped
from tests.hostile import HOSTILE_IDS, hostile_testbed
from tests.targets.golden import matches
from tests.targets.samples import host, link, pair, triangle, wired

TESTBEDS = [pair(), triangle(), hostile_testbed(), Testbed("Empty", "Empty")]


def _graphml(testbed: Testbed) -> nx.MultiGraph[str]:
    graph = nx.parse_graphml(compile_to(testbed, "graphml"), edge_key_type=str, force_multigraph=True)
    assert isinstance(graph, nx.MultiGraph)
    return graph


def _node_link(testbed: Testbed) -> nx.MultiGraph[str]:
    document = json.loads(compile_to(testbed, "node-link"), parse_float=Decimal)
    graph = nx.node_link_graph(document, edges="edges")
    assert isinstance(graph, nx.MultiGraph)
    return graph


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_node_link_gives_an_equal_graph(testbed: Testbed) -> None:
    graph, expected = _node_link(testbed), to_graph(testbed)
    assert nx.utils.graphs_equal(graph, expected)
    assert graph.graph == expected.graph
    assert list(graph) == list(expected)


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_node_link_gives_the_testbed_again(testbed: Testbed) -> None:
    assert from_graph(_node_link(testbed)) == flatten(testbed)


@pytest.mark.parametrize("name", ["source", "target", "key"])
def test_an_attribute_that_node_link_would_write_over_is_kept(name: str) -> None:
    assert from_graph(_node_link(pair(**{name: "x"}))) == pair(**{name: "x"})


@pytest.mark.parametrize("testbed", TESTBEDS, ids=lambda testbed: testbed.type)
def test_graphml_has_every_node_and_edge(testbed: Testbed) -> None:
    graph, expected = _graphml(testbed), to_graph(testbed)

    def decoded(name: str) -> str:
        return unquote(name, errors="surrogatepass")

    assert [decoded(node) for node in graph] == list(expected)
    edges = {(frozenset((decoded(a), decoded(b))), decoded(key)) for a, b, key in graph.edges(keys=True)}
    assert edges == {(frozenset((a, b)), key) for a, b, key in expected.edges(keys=True)}
    assert graph.graph["name"] in (testbed.id, json.dumps(testbed.id))


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("Ubuntu-14.04.qcow2", "Ubuntu-14.04.qcow2"),
        (1000, 1000),
        (True, True),
        (Decimal("0.5"), 0.5),
        ({"ipv4": "10.0.0.1", "port": 6633}, '{"ipv4": "10.0.0.1", "port": 6633}'),
        ([1, Decimal("0.5"), None], "[1, 0.5, null]"),
        ("a\nb\tc ", "a\nb\tc "),
        ("a\rb", '"a\\rb"'),
        ("\x00", '"\\u0000"'),
        ("", '""'),
        ('"a"', '"\\"a\\""'),
        ("[1]", '"[1]"'),
        ("0.1%", "0.1%"),
    ],
)
def test_graphml_holds_a_scalar_as_it_is_and_the_rest_as_json(value: Value, read: object) -> None:
    graph = _graphml(wired([host("h1", "AMS", "p", imageId=value)], []))
    assert graph.nodes["h1"]["imageId"] == read


def test_graphml_leaves_out_what_is_null() -> None:
    assert "imageId" not in _graphml(wired([host("h1", "AMS", "p", imageId=None)], [])).nodes["h1"]


def test_a_hostile_attribute_name_comes_through_graphml() -> None:
    resource = Resource("host", "h1", None, {'\x00"<': 1}, (Port("p"),))
    assert _graphml(Testbed("T", "T", resources=(resource,))).nodes["h1"]['%00"<'] == 1


@pytest.mark.parametrize("text", [*HOSTILE_IDS, "", "\ud800", "%", "%25", "h1", "s1/h1"])
@pytest.mark.parametrize("unsafe", ["", "\\%=", "a"])
def test_escaping_is_one_for_one(text: str, unsafe: str) -> None:
    assert unquote(escaped(text, unsafe=unsafe), errors="surrogatepass") == text
    assert escaped(text, unsafe=unsafe).isprintable()


@pytest.mark.parametrize("text", ["h1", "s1/h1", "a b", "Zürich", "a.b-c_d"])
def test_plain_ids_stay_plain(text: str) -> None:
    assert escaped(text) == text


def test_parallel_links_stay_apart() -> None:
    hosts = [host("h1", "AMS", "p", "q"), host("h2", "MIL", "p", "q")]
    testbed = wired(hosts, [(link("l1"), "h1.p", "h2.p"), (link("1"), "h2.q", "h1.q")])
    assert sorted(_graphml(testbed)["h1"]["h2"]) == ["1", "l1"]
    assert sorted(_node_link(testbed)["h1"]["h2"]) == ["1", "l1"]


@pytest.mark.parametrize("target", ["graphml", "node-link"])
def test_golden(target: str) -> None:
    matches(f"triangle.{target}", compile_to(triangle(), target))
