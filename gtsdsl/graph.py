"""Testbed to a networkx multigraph; `gtsdsl.inputs.graph` makes a testbed of a graph."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from gtsdsl.inputs.graph import EDGE_KEYS, NODE_KEYS, End, from_graph, refuse_twice
from gtsdsl.model.testbed import LINK_CLASS, Port, PortRef, Resource, Testbed, flatten
from gtsdsl.model.values import Value
from gtsdsl.text import printable

__all__ = ["from_graph", "to_graph"]


def to_graph(testbed: Testbed) -> nx.MultiGraph[str]:
    """Return a testbed, flattened, as an undirected multigraph; `from_graph` makes an equal testbed of the graph.

    A node is a resource other than a link; its name is the resource's id. Its data are the attributes by their names,
    and ``class``, ``location`` (if the resource has one), ``ports`` (attributes by id, in order, unused ports too) and
    ``position`` (the resource's index among all resources).

    An edge is a link that joins ports of two nodes; its key is the link's id. Its data are the link's attributes
    (``bandwidth``, ``delay`` …), ``location``, ``ports`` and ``position`` as above, and ``ends``. ``ends`` has, for
    each of the link's two ports (``src``, ``dst``), the ``node`` and its ``port``, the ``position`` of the adjacency
    among all adjacencies, and ``link_first``, which says whether the adjacency names the link before the node.

    An attribute with the name of one of these keys is in a dictionary ``attributes`` beside them. Values are those of
    the model: a decimal is a `decimal.Decimal`.

    ``graph.graph`` has the testbed's ``type`` and ``id`` and, unless they are empty, its ``description``,
    ``parameters``, ``attributes`` and exported ``ports``. It also has what nodes and edges cannot hold.
    ``loose_links`` are the links that do not join exactly two existing ports: their data, as of an edge, by id.
    ``loose_adjacencies`` are the adjacencies that are not the end of an edge, each as
    ``[position, [resource, port], [resource, port]]``.

    Raises:
        ValueError: two resources, or two ports of one, have the same id.
    """
    flat = flatten(testbed)
    graph: nx.MultiGraph[str] = nx.MultiGraph()
    graph.graph.update(type=flat.type, id=flat.id)
    if flat.description is not None:
        graph.graph["description"] = flat.description
    if flat.parameters:
        graph.graph["parameters"] = dict(flat.parameters)
    if flat.attributes:
        graph.graph["attributes"] = dict(flat.attributes)
    if flat.ports:
        graph.graph["ports"] = _port_data("the testbed", flat.ports)
    placed = [(index, item) for index, item in enumerate(flat.resources) if isinstance(item, Resource)]
    refuse_twice("two resources", (item.id for _, item in placed))
    links = {item.id: (index, item) for index, item in placed if item.cls == LINK_CLASS}
    for index, item in placed:
        if item.id not in links:
            graph.add_node(item.id)
            graph.nodes[item.id].update(_data(item, {"class": item.cls}, index, NODE_KEYS))
    ends_of = _ends(flat, links, {ref for _, item in placed for ref in (PortRef(item.id, p.id) for p in item.ports)})
    wired: set[int | None] = set()
    loose: dict[str, object] = {}
    for name, (index, link) in links.items():
        ends = ends_of[name]
        by_port = {end.link_port: end for end in ends}
        if len(ends) == len(by_port) == 2:
            wired.update(end.position for end in ends)
            first, second = (by_port[port.id] for port in link.ports if port.id in by_port)
            data = _data(link, {"ends": {end.link_port: end.data() for end in (first, second)}}, index, EDGE_KEYS)
            graph.add_edge(first.node, second.node, key=name)
            graph.edges[first.node, second.node, name].update(data)
        else:
            loose[name] = _data(link, {}, index, EDGE_KEYS)
    others = [
        [position, list(adjacency.first), list(adjacency.second)]
        for position, adjacency in enumerate(flat.adjacencies)
        if position not in wired
    ]
    if loose:
        graph.graph["loose_links"] = loose
    if others:
        graph.graph["loose_adjacencies"] = others
    return graph


def _ends(flat: Testbed, links: Iterable[str], ports: set[PortRef]) -> dict[str, list[End]]:
    """Return the ends of each link that are joined to a node's port, by the link's id."""
    ends: dict[str, list[End]] = {name: [] for name in links}
    for position, adjacency in enumerate(flat.adjacencies):
        first, second = adjacency.first, adjacency.second
        link_first = first.resource in ends
        link, node = (first, second) if link_first else (second, first)
        if link.resource in ends and node.resource not in ends and {link, node} <= ports:
            ends[link.resource].append(End(link.port, node.resource, node.port, position, link_first))
    return ends


def _data(resource: Resource, data: dict[str, object], position: int, keys: frozenset[str]) -> dict[str, object]:
    if resource.location is not None:
        data["location"] = resource.location
    data |= {name: value for name, value in resource.attributes.items() if name not in keys}
    hidden = {name: value for name, value in resource.attributes.items() if name in keys}
    if hidden:
        data["attributes"] = hidden
    data["ports"] = _port_data(f"`{printable(resource.id)}`", resource.ports)
    data["position"] = position
    return data


def _port_data(owner: str, ports: tuple[Port, ...]) -> dict[str, dict[str, Value]]:
    data = {port.id: dict(port.attributes) for port in ports}
    refuse_twice(f"two ports of {owner}", (port.id for port in ports))
    return data
