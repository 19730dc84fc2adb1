"""A testbed to the part of it that joins two hosts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from gtsdsl.model.testbed import Resource, Testbed, flatten
from gtsdsl.topology.model import Topology, Wire


def cut_out(testbed: Testbed, first: str, second: str) -> Testbed:
    """Return two hosts of a testbed with what joins them: all links between them, and the switches on the way.

    Resources keep their ids, locations and attributes, so that the delays stay. Hosts are not on the way, because a
    circuit or switches must join the two. Ports that lead elsewhere are removed. Nested testbeds become flat.

    ``first`` and ``second`` are ids.

    Raises:
        KeyError: the testbed has no such host.
    """
    import networkx as nx

    flat = flatten(testbed)
    topology = Topology.of(flat)
    inner = {first, second} | {switch.id for switch in topology.switches}
    wires = [wire for wire in topology.wires if not {*wire.ends} & topology.control_ports]
    joined: nx.Graph[str] = nx.Graph([(first, second)])
    joined.add_edges_from((near, far) for near, far in map(_nodes, wires) if near != far and {near, far} <= inner)
    # with the edge between the hosts, their block has exactly the nodes on the paths from one to the other
    blocks = cast("Iterator[set[str]]", nx.biconnected_components(joined))  # the stubs say a list of them
    kept = next(block for block in blocks if {first, second} <= block)
    wires = [wire for wire in wires if {*_nodes(wire)} <= kept]
    links = {wire.link.id for wire in wires}
    used = {end for wire in wires for end in wire.ends}
    return replace(
        flat,
        resources=tuple(
            item
            if item.id in links
            else replace(item, ports=tuple(it for it in item.ports if (item.id, it.id) in used))
            for item in flat.resources
            if isinstance(item, Resource) and item.id in kept | links
        ),
        adjacencies=tuple(it for it in flat.adjacencies if {it.first.resource, it.second.resource} & links),
    )


def _nodes(wire: Wire) -> tuple[str, str]:
    return wire.first.resource, wire.second.resource
