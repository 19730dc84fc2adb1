"""Interfaces that get permanent MAC addresses of their neighbours, because ARP would not find them in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from emulator.plan.model import Circuit, Interface, Plan

_MOST_ARP_INTERFACES = 512
"""The most interfaces that find their neighbours by ARP.

All namespaces share the kernel's table of neighbours, which holds 1,024 entries that ARP made. With more interfaces,
their entries would push each other out.
"""
_SLOW_NS = 2 * 10**9
"""The shortest round trip that is too slow for ARP, which asks three times, once a second, and then gives up."""


def permanent_neighbours(plan: Plan) -> Iterator[tuple[Interface, Interface]]:
    """Yield pairs of interfaces: the first gets a permanent entry with the MAC address of the second."""
    many = 2 * len(plan.circuits) > _MOST_ARP_INTERFACES
    switched: list[Circuit] = []
    for circuit in plan.circuits:
        if any(end.address is None for end in circuit.ends):
            switched.append(circuit)
        elif many or circuit.rtt_ns >= _SLOW_NS:
            yield from permutations(circuit.ends, 2)
    # a path over switches has at most one circuit more than there are switches
    if (len(plan.switches) + 1) * max((circuit.rtt_ns for circuit in switched), default=0) >= _SLOW_NS:
        for segment in _segments(switched):
            yield from permutations(segment, 2)


def _segments(circuits: list[Circuit]) -> Iterator[list[Interface]]:
    """Yield groups of interfaces with an address that reach each other over switches only."""
    import networkx as nx

    joined: nx.Graph[str] = nx.Graph()
    by_name = {end.name: end for circuit in circuits for end in circuit.ends if end.address is not None}
    for circuit in circuits:
        joined.add_edge(*(end.node if end.address is None else end.name for end in circuit.ends))
    for names in nx.connected_components(joined):
        yield [by_name[name] for name in by_name if name in names]
