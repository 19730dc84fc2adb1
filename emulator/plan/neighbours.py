"""Plan to the ends that are told their neighbours' MAC addresses for good, where asking with ARP does not do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from emulator.plan.model import Circuit, Interface, Plan

_NEIGHBOURS_ASKED = 512
"""Up to so many circuits' ends ask for their neighbours with ARP.

The kernel's table of neighbours is one for all namespaces, and takes 1,024 entries that come and go. More circuits
than that would turn each other's entries out.
"""
_SLOW_NS = 2 * 10**9
"""ARP asks three times, once a second, and then takes for unreachable a neighbour whose answer is still on its way."""


def told_neighbours(plan: Plan) -> Iterator[tuple[Interface, Interface]]:
    """Pairs of ends of which the first is told the address of the second."""
    many = 2 * len(plan.circuits) > _NEIGHBOURS_ASKED
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
    """The ends with an address that reach each other over switches and no host."""
    import networkx as nx

    joined: nx.Graph[str] = nx.Graph()
    by_name = {end.name: end for circuit in circuits for end in circuit.ends if end.address is not None}
    for circuit in circuits:
        joined.add_edge(*(end.node if end.address is None else end.name for end in circuit.ends))
    for names in nx.connected_components(joined):
        yield [by_name[name] for name in by_name if name in names]
