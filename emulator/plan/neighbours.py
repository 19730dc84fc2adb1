"""Interfaces that get permanent MAC addresses of their neighbours, so that no packet waits until one is found."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from emulator.plan.model import Circuit, Interface, Plan

_MOST_ARP_INTERFACES = 512
"""The most interfaces that find their neighbours by ARP.

All namespaces share the kernel's table of neighbours, which holds 1,024 entries that ARP made. With more interfaces,
their entries would push each other out.
"""
_SLOW_NS = 2 * 10**9
"""The shortest round trip that is too slow for ARP, which asks three times, once a second, and then gives up."""


class Neighbour(NamedTuple):
    """An interface, an address at the other end of its circuit or behind its switches, and that one's MAC address."""

    interface: Interface
    address: str
    mac: str


def permanent_neighbours(plan: Plan) -> Iterator[Neighbour]:
    """Yield the neighbours that interfaces get as permanent entries.

    In IPv4, these are neighbours that ARP would not find in time. In IPv6, they are all neighbours on circuits between
    two hosts: a search by multicasts would cost the first packet two round trips, because the far end asks too.
    """
    many = 2 * len(plan.circuits) > _MOST_ARP_INTERFACES
    switched: list[Circuit] = []
    for circuit in plan.circuits:
        if any(end.address is None for end in circuit.ends):
            switched.append(circuit)
            continue
        told = many or circuit.rtt_ns >= _SLOW_NS
        for end, far in permutations(circuit.ends, 2):
            if told:
                yield from _of(end, far.address, far)
            yield from _ipv6_of(end, far)
    # a path over switches has at most one circuit more than there are switches
    if (len(plan.switches) + 1) * max((circuit.rtt_ns for circuit in switched), default=0) >= _SLOW_NS:
        for segment in _segments(switched):
            for end, far in permutations(segment, 2):
                yield from _of(end, far.address, far)
                yield from _ipv6_of(end, far)


def _of(end: Interface, address: str | None, far: Interface) -> Iterator[Neighbour]:
    if address is not None:
        yield Neighbour(end, address.partition("/")[0], far.mac)


def _ipv6_of(end: Interface, far: Interface) -> Iterator[Neighbour]:
    yield from _of(end, far.ipv6_address, far)
    yield from _of(end, far.link_local, far)


def _segments(circuits: list[Circuit]) -> Iterator[list[Interface]]:
    """Yield groups of interfaces with an address that reach each other over switches only."""
    import networkx as nx

    joined: nx.Graph[str] = nx.Graph()
    by_name = {end.name: end for circuit in circuits for end in circuit.ends if end.address is not None}
    for circuit in circuits:
        joined.add_edge(*(end.node if end.address is None else end.name for end in circuit.ends))
    for names in nx.connected_components(joined):
        yield [by_name[name] for name in by_name if name in names]
