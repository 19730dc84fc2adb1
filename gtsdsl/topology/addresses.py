"""Topology to addresses of interfaces, with a subnet for each broadcast domain, and of hosts."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import NamedTuple

from gtsdsl.model.testbed import PortRef, Resource
from gtsdsl.topology.controllers import control_address, controllers
from gtsdsl.topology.domains import domains
from gtsdsl.topology.model import Topology

POOL = IPv4Network("10.0.0.0/8")
"""The addresses of interfaces."""
LOOPBACK_POOL = IPv4Network("100.64.0.0/10")
"""The hosts' own addresses: shared address space (RFC 6598). No overlay hands them out, and no circuit has them."""


class Address(NamedTuple):
    """An interface's address and the length of its subnet's prefix.

    It stands in for `ipaddress.IPv4Interface`, which takes far longer to make.
    """

    ip: IPv4Address
    prefix_length: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix_length}"


def addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return the address of each port of `domains`: from `POOL`, or stated by the testbed for a control network.

    All switches share one namespace, in which a subnet can occur only once. If two switches state the same controller,
    the second one reaches it over the circuit of the first, and the circuit of the second keeps addresses of the pool.

    Raises:
        ValueError: the testbed needs more addresses than `POOL` has, or a controller's address is wrong.
    """
    found = pool_addresses(topology)
    used: list[IPv4Network] = []
    for wire in topology.wires:
        for control, far in (wire.ends, wire.ends[::-1]):
            if control not in topology.control_ports or topology.nodes[far.resource].is_switch:
                continue
            switch = topology.nodes[control.resource]
            address, at = control_address(switch), controllers(switch)
            if address is None or not at or at[0].address not in address.network or at[0].address == address.ip:
                continue
            if any(address.network.overlaps(network) for network in used):
                continue
            used.append(address.network)
            found[control] = Address(address.ip, address.network.prefixlen)
            found[far] = Address(at[0].address, address.network.prefixlen)
    return found


def pool_addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return an address of `POOL` for each port of `domains`.

    A domain of two ports has a /31 (RFC 3021), and each other domain the smallest subnet that holds it.

    Raises:
        ValueError: the testbed needs more addresses than `POOL` has.
    """
    found: dict[PortRef, Address] = {}
    free = int(POOL.network_address)
    for ports in domains(topology):
        # a point-to-point subnet needs no network and broadcast address (RFC 3021)
        bits = 1 if len(ports) == 2 else (len(ports) + 1).bit_length()
        start = -(-free // 2**bits) * 2**bits
        free = start + 2**bits
        if free - 1 > int(POOL.broadcast_address):
            raise ValueError(f"the testbed needs more addresses than the {POOL.num_addresses} of {POOL}")
        first = start if bits == 1 else start + 1
        for index, port in enumerate(ports):
            found[port] = Address(IPv4Address(first + index), 32 - bits)
    return found


def loopbacks(hosts: Sequence[Resource]) -> dict[str, IPv4Address]:
    """Return the own address of each host, by the host's id: consecutive addresses of `LOOPBACK_POOL`.

    Raises:
        ValueError: there are more hosts than `LOOPBACK_POOL` has addresses.
    """
    if len(hosts) >= LOOPBACK_POOL.num_addresses - 1:
        raise ValueError(
            f"the testbed has more hosts than the {LOOPBACK_POOL.num_addresses} addresses of {LOOPBACK_POOL}"
        )
    first = int(LOOPBACK_POOL.network_address) + 1
    return {host.id: IPv4Address(first + index) for index, host in enumerate(hosts)}
