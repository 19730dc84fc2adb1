"""Testbed to an address plan: one subnet a broadcast domain, a /31 where it is a single circuit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.topology.controllers import bridged_ports, control_address, controllers, is_switch
from gtsdsl.topology.wiring import Wire, nodes, wires

POOL = IPv4Network("10.0.0.0/8")
LOOPBACK_POOL = IPv4Network("100.64.0.0/10")
"""The hosts' own addresses: shared address space (RFC 6598), which no overlay hands out and no circuit has."""


class Address(NamedTuple):
    """An interface's address with the length of its subnet's prefix; an `ipaddress.IPv4Interface` takes far longer."""

    ip: IPv4Address
    prefix_length: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix_length}"


def domains(testbed: Testbed) -> list[list[PortRef]]:
    """The ports of each broadcast domain that take an address, in the order of the links.

    Those are the wired ports of machines, and the control ports of switches; switches join the circuits of their
    other ports into one domain.
    """
    by_id = nodes(testbed)
    bridged = bridged_ports(by_id)
    parent: dict[str, str] = {}

    def root(switch: str) -> str:
        while parent.setdefault(switch, switch) != switch:
            parent[switch] = parent[parent[switch]]
            switch = parent[switch]
        return switch

    all_wires = wires(testbed)
    for wire in all_wires:
        if wire.first in bridged and wire.second in bridged:
            parent[root(wire.second.resource)] = root(wire.first.resource)

    def domain(wire: Wire) -> tuple[str, str]:
        for end in wire.ends:
            if end in bridged:
                return "switches", root(end.resource)
        return "link", wire.link.id

    found: dict[tuple[str, str], list[PortRef]] = {}
    for wire in all_wires:
        ports = found.setdefault(domain(wire), [])
        ports.extend(end for end in wire.ends if end not in bridged)
    return [ports for ports in found.values() if ports]


def addresses(testbed: Testbed) -> dict[PortRef, Address]:
    """An address for each port of `domains`: a /31 for a single circuit between two, else the smallest subnet.

    Raises:
        ValueError: the testbed needs more addresses than `POOL` has.
    """
    found: dict[PortRef, Address] = {}
    free = int(POOL.network_address)
    for ports in domains(testbed):
        # without switches there is nobody else to come: a point-to-point subnet needs no network and broadcast address
        bits = 1 if len(ports) == 2 else (len(ports) + 1).bit_length()
        start = -(-free // 2**bits) * 2**bits
        free = start + 2**bits
        if free - 1 > int(POOL.broadcast_address):
            raise ValueError(f"the testbed needs more addresses than the {POOL.num_addresses} of {POOL}")
        first = start if bits == 1 else start + 1
        for index, port in enumerate(ports):
            found[port] = Address(IPv4Address(first + index), 32 - bits)
    return found


def with_control_addresses(
    plan: dict[PortRef, Address], by_id: dict[str, Resource], all_wires: Iterable[Wire]
) -> dict[PortRef, Address]:
    """The plan with the addresses that the testbed itself gives to a switch's control port and its controller.

    All switches of Mininet share one namespace, the machine's: a subnet may be there once. A second switch that names
    the same controller reaches it over the first one's circuit, and its own keeps the addresses of the plan.
    """
    plan = dict(plan)
    bridged = bridged_ports(by_id)
    used: list[IPv4Network] = []
    for wire in all_wires:
        for control, far in (wire.ends, wire.ends[::-1]):
            switch = by_id[control.resource]
            if not is_switch(switch) or control in bridged or is_switch(by_id[far.resource]):
                continue
            address, at = control_address(switch), controllers(switch)
            if address is None or not at or at[0].address not in address.network or at[0].address == address.ip:
                continue
            if any(address.network.overlaps(network) for network in used):
                continue
            used.append(address.network)
            plan[control] = Address(address.ip, address.network.prefixlen)
            plan[far] = Address(at[0].address, address.network.prefixlen)
    return plan


def loopbacks(hosts: Sequence[str]) -> dict[str, IPv4Address]:
    """An address of its own for each host, whatever it is joined to, one after the other.

    Raises:
        ValueError: there are more hosts than `LOOPBACK_POOL` has addresses.
    """
    if len(hosts) >= LOOPBACK_POOL.num_addresses - 1:
        raise ValueError(
            f"the testbed has more hosts than the {LOOPBACK_POOL.num_addresses} addresses of {LOOPBACK_POOL}"
        )
    first = int(LOOPBACK_POOL.network_address) + 1
    return {host: IPv4Address(first + index) for index, host in enumerate(hosts)}
