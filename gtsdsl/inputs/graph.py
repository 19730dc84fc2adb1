"""A networkx graph to a testbed: a graph from `gtsdsl.graph`, or one that a user built."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import NamedTuple, TypeVar

import networkx as nx

from gtsdsl.model.references import first_twice, is_attribute_name, is_name
from gtsdsl.model.testbed import LINK_CLASS, TESTBED_CLASS, Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value, decimal_text
from gtsdsl.text import printable

Node = TypeVar("Node", bound=Hashable)

NODE_KEYS = frozenset({"class", "location", "ports", "position", "attributes"})
"""The keys of a node's data that are not attributes of its resource."""

EDGE_KEYS = frozenset({"location", "ports", "position", "attributes", "ends"})
"""The keys of an edge's data that are not attributes of its link."""


class End(NamedTuple):
    """A port of a link, and the node's port that an adjacency joins it to.

    ``position`` is the index of the adjacency among all adjacencies, None if it is new. ``link_first`` says whether the
    adjacency names the link before the node.
    """

    link_port: str
    node: str
    port: str
    position: int | None
    link_first: bool

    def data(self) -> dict[str, object]:
        """Return the end as a graph's edge has it."""
        return {"node": self.node, "port": self.port, "position": self.position, "link_first": self.link_first}


def from_graph(graph: nx.Graph[Node]) -> Testbed:
    """Return the testbed that a graph describes: a graph from `gtsdsl.to_graph`, or any undirected networkx graph.

    Nodes and edges are enough; everything else has a default. A node is a ``host``, and its id is the node's name as
    text. An edge without ``ends`` gets a new port ``p1``, ``p2`` … at each of its nodes. A link's id is the edge's key
    if that is a string, else ``l1``, ``l2`` …. The testbed's id is ``graph.graph["id"]``, else the graph's name, else
    ``Testbed``. All other data of nodes and edges (``imageId``, ``bandwidth`` …) become attributes; a float becomes
    the decimal that Python prints. Other data of the graph itself are ignored.

    Raises:
        ValueError: the graph is directed, a name is not a name of the DSL, a value cannot be an attribute, two ids are
            equal, an edge joins a node to itself, or an edge's ``ends`` name other nodes than the edge.
    """
    if graph.is_directed():
        raise ValueError("a circuit carries both directions: give an undirected graph (graph.to_undirected())")
    names = {node: _id(node if isinstance(node, str) else str(node), "a node") for node in graph}
    refuse_twice("two nodes", names.values())
    placed = [_node(names[node], data) for node, data in graph.nodes(data=True)]
    loose = _members(graph.graph.get("loose_links", {}), "loose_links")
    placed += [_link(link_id, _members(data, "a loose link")) for link_id, data in loose.items()]
    edges = [(names[start], names[end], key, data) for start, end, key, data in _edges(graph)]

    ports_of = {item.id: {port.id: port for port in item.ports} for _, item in placed}
    taken = {*ports_of, *(key for _, _, key, _ in edges if isinstance(key, str))}
    new_ids = (f"l{number}" for number in count(1) if f"l{number}" not in taken)
    adjacencies = [_loose_adjacency(item) for item in _items(graph.graph.get("loose_adjacencies", []), "adjacencies")]
    for start, end, key, data in edges:
        position, link = _link(_id(key, "a link") if isinstance(key, str) else next(new_ids), data)
        ends = _stated_ends(link.id, data["ends"]) if "ends" in data else _new_ends(link, start, end, ports_of)
        if {item.node for item in ends} != {start, end}:
            raise ValueError(
                f"link `{printable(link.id)}` joins `{printable(start)}` and `{printable(end)}`; its `ends` name others"
            )
        for item in ends:
            ports_of[item.node].setdefault(item.port, Port(item.port))
            if all(port.id != item.link_port for port in link.ports):
                link = replace(link, ports=(*link.ports, Port(item.link_port)))
            node, own = PortRef(item.node, item.port), PortRef(link.id, item.link_port)
            adjacencies.append((item.position, Adjacency(own, node) if item.link_first else Adjacency(node, own)))
        placed.append((position, link))

    resources = _in_order(placed)
    resources = [
        replace(item, ports=tuple(ports_of[item.id].values())) if item.id in ports_of else item for item in resources
    ]
    refuse_twice("two resources", (item.id for item in resources))
    return _testbed(graph, tuple(resources), tuple(_in_order(adjacencies)))


def refuse_twice(subject: str, ids: Iterable[str]) -> None:
    """Raise ValueError if an id occurs twice; ``subject`` is the subject of the message."""
    twice = first_twice(ids)
    if twice is not None:
        raise ValueError(f"{subject} have the id `{printable(twice)}`")


def _testbed(graph: nx.Graph[Node], resources: tuple[Resource, ...], adjacencies: tuple[Adjacency, ...]) -> Testbed:
    about = graph.graph
    name = _id(about.get("id", about.get("name") or "Testbed"), "the testbed")
    description = about.get("description")
    if not isinstance(description, str | None):
        raise ValueError("the testbed's description must be a text")
    return Testbed(
        type=_name(about.get("type", name if is_name(name) else "Testbed"), "the type of the testbed"),
        id=name,
        description=description,
        parameters=_attributes(_members(about.get("parameters", {}), "parameters")),
        attributes=_attributes(_members(about.get("attributes", {}), "attributes")),
        ports=_ports(about.get("ports", {})),
        resources=resources,
        adjacencies=adjacencies,
    )


Item = TypeVar("Item")
Placed = tuple[int | None, Item]
"""An item with its index among the items of its kind; None if it is new."""


def _in_order(placed: list[Placed[Item]]) -> list[Item]:
    return [item for _, item in sorted(placed, key=lambda pair: (pair[0] is None, pair[0] or 0))]


def _stated_ends(link: str, value: object) -> list[End]:
    ends = []
    for link_port, end in _members(value, "ends").items():
        members = _members(end, "an end of an edge")
        ends.append(
            End(
                _id(link_port, "a link's port"),
                _id(members.get("node"), "an end's node"),
                _id(members.get("port"), "an end's port"),
                _position(members),
                members.get("link_first") is True,
            )
        )
    if len(ends) != 2:
        raise ValueError(f"link `{printable(link)}` has {len(ends)} ends, not two")
    return ends


def _new_ends(link: Resource, start: str, end: str, ports_of: Mapping[str, Mapping[str, Port]]) -> list[End]:
    if start == end:
        raise ValueError(f"a link cannot join `{printable(start)}` to itself")
    own = [port.id for port in link.ports] if len(link.ports) == 2 else ["src", "dst"]
    return [
        End(
            port,
            node,
            next(f"p{n}" for n in count(len(ports_of[node]) + 1) if f"p{n}" not in ports_of[node]),
            None,
            False,
        )
        for port, node in zip(own, (start, end), strict=True)
    ]


def _edges(graph: nx.Graph[Node]) -> Iterator[tuple[Node, Node, object, dict[str, object]]]:
    if isinstance(graph, nx.MultiGraph):
        yield from graph.edges(keys=True, data=True)
    else:
        yield from ((start, end, None, data) for start, end, data in graph.edges(data=True))


def _node(name: str, data: Mapping[str, object]) -> Placed[Resource]:
    cls = _name(data.get("class", "host"), f"the class of `{printable(name)}`")
    if cls in {LINK_CLASS, TESTBED_CLASS, "port"}:
        raise ValueError(f"node `{printable(name)}` cannot be of class `{cls}`: links are edges, and testbeds flat")
    return _resource(cls, name, data, NODE_KEYS)


def _link(name: str, data: Mapping[str, object]) -> Placed[Resource]:
    return _resource(LINK_CLASS, name, {"ports": {"src": {}, "dst": {}}, **data}, EDGE_KEYS)


def _resource(cls: str, name: str, data: Mapping[str, object], keys: frozenset[str]) -> Placed[Resource]:
    location = data.get("location")
    if not isinstance(location, str | None):
        raise ValueError(f"the location of `{printable(name)}` must be a text")
    attributes = {key: value for key, value in data.items() if key not in keys}
    attributes |= _members(data.get("attributes", {}), "attributes")
    ports = _ports(data.get("ports", {}))
    return _position(data), Resource(cls, name, location, _attributes(attributes), ports)


def _ports(value: object) -> tuple[Port, ...]:
    return tuple(
        Port(_id(name, "a port"), _attributes(_members(attributes, "a port")))
        for name, attributes in _members(value, "ports").items()
    )


def _position(data: Mapping[str, object]) -> int | None:
    position = data.get("position")
    return position if isinstance(position, int) else None


def _loose_adjacency(value: object) -> Placed[Adjacency]:
    match value:
        case [int() as position, [str() as resource, str() as port], [str() as other, str() as other_port]]:
            return position, Adjacency(PortRef(resource, port), PortRef(other, other_port))
    raise ValueError("an item of `loose_adjacencies` must be [position, [resource, port], [resource, port]]")


def _attributes(attributes: Mapping[str, object]) -> dict[str, Value]:
    for name in attributes:
        if name == "id" or not is_attribute_name(name):
            raise ValueError(f"`{printable(name)}` cannot be the name of an attribute")
    return {name: _value(value) for name, value in attributes.items()}


def _value(value: object) -> Value:
    match value:
        case None | bool() | int() | str():
            return value
        case Decimal():
            decimal_text(value)  # raises ValueError if it cannot be written
            return value
        case float():
            return Decimal(decimal_text(Decimal(float.__repr__(value))))
        case list() | tuple():
            return [_value(item) for item in value]
        case Mapping():
            return {name: _value(item) for name, item in _members(value, "an attribute").items()}
    raise ValueError(f"a value of type {type(value).__name__} cannot be an attribute of a testbed")


def _members(value: object, subject: str) -> dict[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{subject} must be a dictionary with texts for keys")
    return dict(value)


def _items(value: object, subject: str) -> list[object]:
    if not isinstance(value, list):
        raise ValueError(f"{subject} must be a list")
    return value


def _id(value: object, subject: str) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{subject} needs an id, a text that is not empty")
    return value


def _name(value: object, subject: str) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise ValueError(f"{subject} is not a name that the DSL can write")
    return value
