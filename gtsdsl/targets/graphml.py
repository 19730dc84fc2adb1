"""Testbed to GraphML as networkx writes it: the graph of `gtsdsl.graph` with ids and values that XML can hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

import networkx as nx
from networkx.readwrite.graphml import GraphMLWriter

from gtsdsl.graph import to_graph
from gtsdsl.model.testbed import Testbed
from gtsdsl.targets.escaping import escaped


def write(testbed: Testbed) -> str:
    """Return the graph as GraphML; ``networkx.parse_graphml(text, edge_key_type=str, force_multigraph=True)`` reads it.

    XML cannot hold most control characters and changes others to spaces, so ids and names of attributes with such
    characters, or with ``%``, are percent-encoded. GraphML has scalars only: blocks and lists are written as JSON. So
    are strings that are empty, begin like JSON or contain characters that XML changes. A decimal becomes a float.

    Raises:
        ValueError: two resources have the same id.
    """
    graph = to_graph(testbed)
    flat: nx.MultiGraph[str] = nx.MultiGraph()
    flat.graph.update(_scalars(graph.graph))
    # networkx writes `id` as the attribute of the XML element, and does not read that back
    flat.graph.update(id=escaped(testbed.id), name=_scalar(testbed.id))
    for node, data in graph.nodes(data=True):
        flat.add_node(escaped(node))
        flat.nodes[escaped(node)].update(_scalars(data))
    for first, second, key, data in graph.edges(keys=True, data=True):
        ends = escaped(first), escaped(second), escaped(key)
        flat.add_edge(*ends)
        flat.edges[ends].update(_scalars(data))
    # not networkx.write_graphml, whose result differs if lxml is installed; not generate_graphml, which breaks lines at
    # each character at which Python's splitlines does
    writer = GraphMLWriter(encoding="utf-8", prettyprint=True)
    writer.add_graph_element(flat)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{writer}\n'


def _scalars(data: Mapping[str, object]) -> dict[str, bool | int | float | str]:
    return {escaped(name): _scalar(value) for name, value in data.items() if value is not None}


def _scalar(value: object) -> bool | int | float | str:
    if isinstance(value, bool | int | float):
        return value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str) and value and value[0] not in '"[{' and _is_fit_for_xml(value):
        return value
    return json.dumps(value, default=float)


def _is_fit_for_xml(text: str) -> bool:
    """Return whether XML keeps a text: it is printable, or has line feeds and tabs (XML changes CR to LF)."""
    return text.replace("\n", "").replace("\t", "").isprintable()
