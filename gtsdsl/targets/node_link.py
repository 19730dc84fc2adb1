"""Testbed to networkx's node-link JSON: networkx reads the graph of `gtsdsl.graph` from it."""

from __future__ import annotations

import networkx as nx

from gtsdsl.graph import to_graph
from gtsdsl.model.testbed import Testbed
from gtsdsl.targets.gts_json import value_text

_NODE_KEYS = frozenset({"id"})
_EDGE_KEYS = frozenset({"source", "target", "key"})


def write(testbed: Testbed) -> str:
    """Return the graph as JSON; ``networkx.node_link_graph(json.loads(text), edges="edges")`` reads it.

    Decimals are written exactly: ``json.loads(text, parse_float=decimal.Decimal)`` keeps them. An attribute with the
    name of one of the format's own keys is in ``attributes`` beside them.

    Raises:
        ValueError: two resources have the same id.
    """
    graph = to_graph(testbed)
    for _, node_data in graph.nodes(data=True):
        _hide(node_data, _NODE_KEYS)
    for _, _, edge_data in graph.edges(data=True):
        _hide(edge_data, _EDGE_KEYS)
    return value_text(nx.node_link_data(graph, edges="edges"), "") + "\n"


def _hide(data: dict[str, object], keys: frozenset[str]) -> None:
    """Move data that the format would overwrite into ``attributes``, where `gtsdsl.graph.from_graph` reads them."""
    hidden = {name: data.pop(name) for name in sorted(keys & data.keys())}
    if hidden:
        attributes = data.get("attributes")
        data["attributes"] = {**(attributes if isinstance(attributes, dict) else {}), **hidden}
