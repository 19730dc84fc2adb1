"""Testbed to its wires: which two ports of which two resources each link joins."""

from __future__ import annotations

from dataclasses import dataclass

from gtsdsl.model.testbed import LINK_CLASS, PortRef, Resource, Testbed, flatten


@dataclass(frozen=True, slots=True)
class Wire:
    """A link and the two resource ports that it joins, in the order of the link's own ports (``src``, ``dst``)."""

    link: Resource
    first: PortRef
    second: PortRef

    @property
    def ends(self) -> tuple[PortRef, PortRef]:
        return self.first, self.second


def nodes(testbed: Testbed) -> dict[str, Resource]:
    """Every resource of the flattened testbed that is no link, by its id, in the order of the file."""
    return {
        resource.id: resource
        for resource in flatten(testbed).resources
        if isinstance(resource, Resource) and resource.cls != LINK_CLASS
    }


def wires(testbed: Testbed) -> tuple[Wire, ...]:
    """The wires of the flattened testbed, in the order of its links.

    A link that does not join exactly two ports of resources that exist is left out: the rules report it.
    """
    flat = flatten(testbed)
    ends: dict[str, list[tuple[str, PortRef]]] = {link.id: [] for link in flat.links}
    ports = {(node.id, port.id) for node in nodes(flat).values() for port in node.ports}
    for adjacency in flat.adjacencies:
        for link_end, far_end in ((adjacency.first, adjacency.second), (adjacency.second, adjacency.first)):
            if link_end.resource in ends and far_end in ports:
                ends[link_end.resource].append((link_end.port, far_end))
    found = []
    for link in flat.links:
        order = {port.id: index for index, port in enumerate(link.ports)}
        joined = sorted(ends[link.id], key=lambda end: order.get(end[0], len(order)))
        if len(joined) == 2:
            found.append(Wire(link, joined[0][1], joined[1][1]))
    return tuple(found)
