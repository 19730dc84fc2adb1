"""Testbeds for the tests of plans and networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gtsdsl.model.testbed import Adjacency, Port, PortRef, Resource, Testbed
from gtsdsl.model.values import Value

Edge = tuple[str, str] | tuple[str, str, str]
"""Two nodes and, if it is to have one, the delay of the link between them, one way."""


def joined(
    edges: Iterable[Edge],
    switches: Iterable[str] = (),
    sites: Mapping[str, str] | None = None,
    alone: Iterable[str] = (),
) -> Testbed:
    """Return a testbed of links ``l1``, ``l2`` … between nodes. A node that ``switches`` does not name is a host.

    Nodes come in the order of their names' first appearance, each with a port ``p1`` … for each of its links.
    """
    edges = list(edges)
    names = dict.fromkeys([*(node for edge in edges for node in edge[:2]), *alone])
    ports: dict[str, list[Port]] = {name: [] for name in names}
    links, adjacencies = [], []
    for number, edge in enumerate(edges, 1):
        attributes: dict[str, Value] = {"delay": edge[2]} if len(edge) == 3 else {}
        links.append(Resource("link", f"l{number}", None, attributes, (Port("src"), Port("dst"))))
        for node, end in zip(edge[:2], ("src", "dst"), strict=True):
            port = f"p{len(ports[node]) + 1}"
            ports[node].append(Port(port))
            adjacencies.append(Adjacency(PortRef(node, port), PortRef(f"l{number}", end)))
    nodes = [
        Resource("vsi" if name in set(switches) else "host", name, (sites or {}).get(name), {}, tuple(ports[name]))
        for name in names
    ]
    return Testbed("Sample", "Sample", resources=(*nodes, *links), adjacencies=tuple(adjacencies))


def ring(count: int) -> Testbed:
    """Hosts ``h1`` … in a circle."""
    return joined((f"h{number}", f"h{number % count + 1}") for number in range(1, count + 1))


def mesh(count: int) -> Testbed:
    """Hosts ``h1`` …, each joined to every other."""
    return joined((f"h{a}", f"h{b}") for a in range(1, count + 1) for b in range(a + 1, count + 1))
