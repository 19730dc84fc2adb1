"""The circuit with the least MTU on the way from each host of a plan to each other one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network

from emulator.plan.model import Circuit, Host, Plan
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.topology.groups import Groups


def least_mtu_bytes(plan: Plan, host: str) -> int:
    """Return the least MTU of the circuits of a host, by its name; without circuits, Ethernet's."""
    mtus = (circuit.mtu_bytes for circuit in plan.circuits if host in {end.node for end in circuit.ends})
    return min(mtus, default=MTU_BYTES)


def narrowest(plan: Plan) -> Iterator[tuple[str, Circuit]]:
    """Yield each host's name with the circuit of the least MTU on the way to each other host.

    The ways are those of the plan's routes. If a routing protocol finds the ways, they may take each circuit.
    """
    if not plan.circuits:
        return
    if plan.routing is not None or len({circuit.mtu_bytes for circuit in plan.circuits}) == 1:
        least = min(plan.circuits, key=lambda circuit: circuit.mtu_bytes)
        yield from ((host.name, least) for host in plan.hosts)
        return
    hops = _hops(plan)
    for target in plan.hosts:
        found: dict[str, Circuit] = {}
        for host in plan.hosts:
            _follow(host.name, target.name, hops, found)
        yield from found.items()


_Hops = Mapping[tuple[str, str], tuple[str, Circuit]]
"""The next host on the way, and the circuit of the least MTU to it, by host and target."""


def _hops(plan: Plan) -> _Hops:
    owner = {IPv4Address(end.address.partition("/")[0]): end.node for end in plan.ends if end.address is not None}
    host_of = {int(IPv4Address(host.loopback)): host.name for host in plan.hosts}
    circuit_of = _narrowest_by_interface(plan)
    hops: dict[tuple[str, str], tuple[str, Circuit]] = {}
    for host in plan.hosts:
        for target, gateway, interface in _routes(host, host_of):
            hops[host.name, target] = owner[IPv4Address(gateway)], circuit_of[interface]
    return hops


def _routes(host: Host, host_of: Mapping[int, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the name of each host that a host has a route to, with the route's gateway and interface."""
    for route in host.routes:
        for destination in map(IPv4Network, route.destinations):
            first = int(destination.network_address)
            for address in range(first, first + destination.num_addresses):
                if address in host_of:
                    yield host_of[address], route.gateway, route.interface


def _narrowest_by_interface(plan: Plan) -> dict[str, Circuit]:
    """Return, by interface, the circuit of the least MTU in its broadcast domain, which switches join."""
    switches = {switch.name for switch in plan.switches}
    groups: Groups[str] = Groups()
    for circuit in plan.circuits:
        for end in circuit.ends:
            if end.node in switches and end.address is None:
                groups.merge(circuit.id, f"switch {end.node}")
    least: dict[str, Circuit] = {}
    for circuit in plan.circuits:
        group = groups.root(circuit.id)
        least[group] = min(least.get(group, circuit), circuit, key=lambda it: it.mtu_bytes)
    return {end.name: least[groups.root(circuit.id)] for circuit in plan.circuits for end in circuit.ends}


def _follow(host: str, target: str, hops: _Hops, found: dict[str, Circuit]) -> None:
    """Find the circuit of the least MTU from a host to a target, and from all hosts between; ``found`` has those."""
    way: list[tuple[str, Circuit]] = []
    while host != target and host not in found and (host, target) in hops:
        node, circuit = hops[host, target]
        way.append((host, circuit))
        host = node
    rest = found.get(host)
    for node, circuit in reversed(way):
        rest = circuit if rest is None else min(circuit, rest, key=lambda it: it.mtu_bytes)
        found[node] = rest
