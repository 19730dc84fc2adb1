"""A testbed as a network: nodes, and the wires between their ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from gtsdsl.model.testbed import LINK_CLASS, PortRef, Resource, Testbed, flatten


@dataclass(frozen=True, slots=True)
class Wire:
    """A link and the two node ports that it joins, in the order of the link's own ports (``src``, ``dst``)."""

    link: Resource
    first: PortRef
    second: PortRef

    @property
    def ends(self) -> tuple[PortRef, PortRef]:
        """The two node ports."""
        return self.first, self.second


@dataclass(frozen=True)
class Topology:
    """The network that a testbed describes, without nested testbeds, in the order of the file.

    ``nodes`` has each resource that is no link, by its id. ``wires`` has each link that joins exactly two ports of
    nodes. ``loose_links`` has all other links; the rules report them.
    """

    nodes: Mapping[str, Resource]
    wires: tuple[Wire, ...]
    loose_links: tuple[Resource, ...] = ()

    @classmethod
    def of(cls, testbed: Testbed) -> Topology:
        """Return the topology of a testbed."""
        flat = flatten(testbed)
        resources = [item for item in flat.resources if isinstance(item, Resource)]
        nodes = {item.id: item for item in resources if item.cls != LINK_CLASS}
        links = [item for item in resources if item.cls == LINK_CLASS]
        joined: dict[str, list[tuple[str, PortRef]]] = {link.id: [] for link in links}
        ports = {(node.id, port.id) for node in nodes.values() for port in node.ports}
        for adjacency in flat.adjacencies:
            for near, far in ((adjacency.first, adjacency.second), (adjacency.second, adjacency.first)):
                if near.resource in joined and far in ports:
                    joined[near.resource].append((near.port, far))
        wires: list[Wire] = []
        loose: list[Resource] = []
        for link in links:
            ends = joined[link.id]
            if len(ends) != 2:
                loose.append(link)
                continue
            order = [port.id for port in link.ports]
            first, second = sorted(ends, key=lambda end: order.index(end[0]) if end[0] in order else len(order))
            wires.append(Wire(link, first[1], second[1]))
        return cls(nodes, tuple(wires), tuple(loose))

    @cached_property
    def hosts(self) -> tuple[Resource, ...]:
        """All nodes other than switches; a node of an unknown class is a host too."""
        return tuple(node for node in self.nodes.values() if not node.is_switch)

    @cached_property
    def switches(self) -> tuple[Resource, ...]:
        """The nodes that forward frames."""
        return tuple(node for node in self.nodes.values() if node.is_switch)

    @cached_property
    def control_ports(self) -> frozenset[PortRef]:
        """The switches' ports that lead to controllers; a switch forwards no frames through them."""
        return self._switch_ports(control=True)

    @cached_property
    def bridged_ports(self) -> frozenset[PortRef]:
        """The ports between which switches forward frames."""
        return self._switch_ports(control=False)

    def _switch_ports(self, *, control: bool) -> frozenset[PortRef]:
        return frozenset(
            PortRef(switch.id, port.id)
            for switch in self.switches
            for port in switch.ports
            if port.is_control is control
        )
