"""A testbed becomes a networkx graph and comes back; so do graphs that users build."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import networkx as nx
import pytest
from hypothesis import given, settings

from gtsdsl.graph import from_graph, to_graph
from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.targets import gts_json
from tests.hostile import hostile_testbed
from tests.strategies import valid_testbeds
from tests.targets import small

MANY = settings(max_examples=60)


def test_nodes_are_resources_and_edges_links() -> None:
    graph = to_graph(small.pair())
    assert {name: graph.nodes[name] for name in graph} == {
        "h1": {
            "class": "host",
            "location": "AMS",
            "imageId": "Ubuntu-14.04.qcow2",
            "flavorId": "c2r4h20",
            "ports": {"p1": {}},
            "position": 0,
        },
        "h.2": {"class": "host", "location": "mil", "ports": {"p1": {}, "unused": {}}, "position": 2},
    }
    assert list(graph.edges(keys=True, data=True)) == [
        (
            "h1",
            "h.2",
            "l 1",
            {
                "ends": {
                    "src": {"node": "h1", "port": "p1", "position": 0, "link_first": False},
                    "dst": {"node": "h.2", "port": "p1", "position": 1, "link_first": True},
                },
                "bandwidth": 1000,
                "delay": "18ms",
                "share": Decimal("0.50"),
                "tags": ["a", None, True],
                "ports": {"src": {}, "dst": {}},
                "position": 1,
            },
        )
    ]
    assert graph.graph == {
        "type": "Pair",
        "id": "pair",
        "description": 'Two hosts, "one" link',
        "attributes": {"owner": "a $1 lab"},
    }


@pytest.mark.slow("converts hundreds of random testbeds")
@given(valid_testbeds())
@MANY
def test_every_testbed_comes_back_flat(testbed: Testbed) -> None:
    again = from_graph(to_graph(testbed))
    assert again == flatten(testbed)
    assert [item.id for item in again.resources] == [item.id for item in flatten(testbed).resources]


@pytest.mark.parametrize("testbed", [small.switches(), small.islands(2, 3, 2), hostile_testbed(), Testbed("T", "t")])
def test_samples_come_back_flat_to_the_letter(testbed: Testbed) -> None:
    assert gts_json.write(from_graph(to_graph(testbed))) == gts_json.write(flatten(testbed))


@pytest.mark.parametrize("name", ["class", "ports", "position", "attributes", "ends", "location_", "key", "type"])
def test_attributes_with_the_names_of_structure_come_back(name: str) -> None:
    testbed = small.pair()
    first, link, last = testbed.resources
    assert isinstance(link, Resource)
    assert isinstance(first, Resource)
    named: dict[str, Value] = {name: {"a": [1]}}
    testbed = replace(testbed, resources=(replace(first, attributes=named), replace(link, attributes=named), last))
    assert from_graph(to_graph(testbed)) == testbed


@pytest.mark.parametrize(
    "odd",
    [
        [],  # an unused link
        [("h1.a", "l.src")],  # one end
        [("h1.a", "l.src"), ("h2.a", "l.src")],  # the same end twice
        [("h1.a", "l.src"), ("h2.a", "l.dst"), ("h2.b", "l.src")],
        [("h1.a", "l.src"), ("h2.a", "l.absent")],
        [("h1.a", "l.src"), ("absent.a", "l.dst")],
        [("h1.a", "h2.a")],
        [("k.src", "l.src")],
        [("h1.a", "l.src"), ("h1.b", "l.dst")],  # both ends on one host
        [("h1.a", "l.src"), ("h1.a", "l.dst")],
    ],
)
def test_what_is_wrong_with_a_testbed_is_kept(odd: list[tuple[str, str]]) -> None:
    def ref(text: str) -> PortRef:
        resource, _, port = text.partition(".")
        return PortRef(resource, port)

    testbed = Testbed(
        "T",
        "t",
        resources=(
            Resource("link", "k", None, {}, small.SRC_DST),
            Resource("host", "h1", None, {}, (Port("a"), Port("b"))),
            Resource("link", "l", "AMS", {"bandwidth": 1}, small.SRC_DST),
            Resource("host", "h2", None, {}, (Port("a"), Port("b"))),
        ),
        adjacencies=tuple(Adjacency(ref(first), ref(second)) for first, second in odd),
    )
    assert from_graph(to_graph(testbed)) == testbed


def test_exported_ports_of_the_whole_are_kept() -> None:
    testbed = replace(small.island("whole", 2), parameters={})
    assert from_graph(to_graph(testbed)) == testbed


@pytest.mark.parametrize("twice", ["resource", "port"])
def test_equal_ids_are_a_value_error(twice: str) -> None:
    ports = (Port("p"), Port("p")) if twice == "port" else ()
    hosts = (Resource("host", "h", None, {}, ports), Resource("host", "h" if twice == "resource" else "i"))
    with pytest.raises(ValueError, match=f"two {twice}s.* have the id"):
        to_graph(Testbed("T", "t", resources=hosts))


def test_a_changed_graph_gives_a_changed_testbed() -> None:
    graph = to_graph(small.switches())
    graph.remove_node("b1")
    graph.add_node("h9", location="PAR")
    graph.add_edge("h9", "v1", bandwidth=Decimal("2.5"))
    graph.edges["v1", "o1", "l1"]["delay"] = "3ms"
    testbed = from_graph(graph)
    assert [item.id for item in testbed.resources] == ["v1", "o1", "l1", "h9", "l2"]
    link = testbed.resources[2]
    assert isinstance(link, Resource)
    assert link.attributes == {"delay": "3ms"}
    assert testbed.adjacencies[2:] == (
        Adjacency(PortRef("v1", "p3"), PortRef("l2", "src")),
        Adjacency(PortRef("h9", "p1"), PortRef("l2", "dst")),
    )


class TestGraphsOfUsers:
    """Only nodes and edges are needed."""

    def test_what_is_missing_is_made_up(self) -> None:
        graph: nx.Graph[str] = nx.Graph(name="my net")
        graph.add_node("a", location="AMS", imageId="x")
        graph.add_edge("a", "b", bandwidth=100.5)
        graph.add_edge("a", "c")
        ports = (Port("p1"), Port("p2"))
        assert from_graph(graph) == Testbed(
            "Testbed",
            "my net",
            resources=(
                Resource("host", "a", "AMS", {"imageId": "x"}, ports),
                Resource("host", "b", None, {}, ports[:1]),
                Resource("host", "c", None, {}, ports[:1]),
                Resource("link", "l1", None, {"bandwidth": Decimal("100.5")}, small.SRC_DST),
                Resource("link", "l2", None, {}, small.SRC_DST),
            ),
            adjacencies=(
                Adjacency(PortRef("a", "p1"), PortRef("l1", "src")),
                Adjacency(PortRef("b", "p1"), PortRef("l1", "dst")),
                Adjacency(PortRef("a", "p2"), PortRef("l2", "src")),
                Adjacency(PortRef("c", "p1"), PortRef("l2", "dst")),
            ),
        )

    def test_parallel_edges_and_their_keys(self) -> None:
        graph: nx.MultiGraph[int] = nx.MultiGraph(id="Two")
        graph.add_edge(1, 2, key="l1")
        graph.add_edge(1, 2)
        graph.add_edge(1, 2, delay="1ms")
        testbed = from_graph(graph)
        assert testbed.type == "Two"
        assert [link.id for link in testbed.links] == ["l1", "l2", "l3"]
        assert [host.id for host in testbed.hosts] == ["1", "2"]

    def test_given_ports_are_kept_and_not_used_again(self) -> None:
        graph: nx.Graph[str] = nx.Graph()
        graph.add_node("a", ports={"p1": {"mode": "CONTROL"}})
        graph.add_edge("a", "b")
        host = next(from_graph(graph).hosts)
        assert host.ports == (Port("p1", {"mode": "CONTROL"}), Port("p2"))

    def test_given_ends(self) -> None:
        graph: nx.Graph[str] = nx.Graph()
        graph.add_edge("a", "b", ends={"x": {"node": "b", "port": "eth0"}, "y": {"node": "a", "port": "eth1"}})
        testbed = from_graph(graph)
        assert testbed.adjacencies[0] == Adjacency(PortRef("b", "eth0"), PortRef("l1", "x"))
        assert [host.ports for host in testbed.hosts] == [(Port("eth1"),), (Port("eth0"),)]

    def test_tuples_are_lists(self) -> None:
        graph: nx.Graph[str] = nx.Graph()
        graph.add_node("a", tags=("x", {"y": (1,)}))
        host = next(from_graph(graph).hosts)
        assert host.attributes == {"tags": ["x", {"y": [1]}]}

    @pytest.mark.parametrize(
        "graph", [nx.petersen_graph(), nx.grid_2d_graph(3, 3), nx.complete_graph(5), nx.empty_graph(3), nx.Graph()]
    )
    def test_networkx_own_graphs(self, graph: nx.Graph[object]) -> None:
        testbed = from_graph(graph)
        assert testbed == from_graph(graph)
        assert nx.is_isomorphic(to_graph(testbed), nx.MultiGraph(graph))
        assert gts_json.write(testbed)

    @pytest.mark.parametrize(
        ("node", "edge", "message"),
        [
            ({"class": "link"}, {}, "node `a` cannot be of class `link`"),
            ({"class": "port"}, {}, "cannot be of class `port`"),
            ({"class": "no class"}, {}, "the class of `a` is not a name"),
            ({"class": 3}, {}, "the class of `a` is not a name"),
            ({"location": 3}, {}, "the location of `a` must be a text"),
            ({"id": "x"}, {}, "`id` cannot be the name of an attribute"),
            ({"a b": 1}, {}, "`a b` cannot be the name of an attribute"),
            ({"x": object()}, {}, "a value of type object cannot be an attribute"),
            ({"x": float("nan")}, {}, "NaN is not a number"),
            ({"x": float("inf")}, {}, "Infinity is not a number"),
            ({"x": {1: 2}}, {}, "an attribute must be a dictionary with texts for keys"),
            ({"ports": ["p"]}, {}, "ports must be a dictionary"),
            ({"ports": {"": {}}}, {}, "a port needs an id"),
            ({"attributes": 3}, {}, "attributes must be a dictionary"),
            ({}, {"ends": {}}, "link `l1` has 0 ends, not two"),
            ({}, {"ends": 3}, "ends must be a dictionary"),
            ({}, {"ends": {"src": {"node": "a"}, "dst": {}}}, "an end's port needs an id"),
            (
                {},
                {"ends": {"src": {"node": "a", "port": "p"}, "dst": {"node": "c", "port": "p"}}},
                "link `l1` joins `a` and `b`; its `ends` name others",
            ),
        ],
    )
    def test_what_cannot_be_is_a_value_error(
        self, node: dict[str, object], edge: dict[str, object], message: str
    ) -> None:
        graph: nx.Graph[str] = nx.Graph()
        graph.add_node("a")
        graph.nodes["a"].update(node)
        graph.add_edge("a", "b")
        graph.edges["a", "b"].update(edge)
        with pytest.raises(ValueError, match=message):
            from_graph(graph)

    @pytest.mark.parametrize(
        ("graph", "message"),
        [
            (nx.DiGraph(), "undirected"),
            (nx.Graph([(1, 1)]), "cannot join `1` to itself"),
            (nx.Graph([(1, "1")]), "two nodes have the id `1`"),
            (nx.Graph([("", "a")]), "a node needs an id"),
            (nx.MultiGraph([("a", "b", "a")]), "two resources have the id `a`"),
            (nx.Graph(id=3), "the testbed needs an id"),
            (nx.Graph(type="a b"), "the type of the testbed is not a name"),
            (nx.Graph(description=3), "description must be a text"),
            (nx.Graph(parameters=3), "parameters must be a dictionary"),
            (nx.Graph(loose_adjacencies=[3]), "`loose_adjacencies`"),
            (nx.Graph(loose_adjacencies=3), "adjacencies must be a list"),
        ],
    )
    def test_graphs_that_cannot_be(self, graph: nx.Graph[object], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            from_graph(graph)
