"""Topology to addresses of interfaces, with a subnet for each broadcast domain, and of hosts, in both families."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple

from gtsdsl.model.testbed import PortRef, Resource
from gtsdsl.topology.controllers import control_address, controllers
from gtsdsl.topology.domains import domains
from gtsdsl.topology.model import Topology

POOL = IPv4Network("10.0.0.0/8")
"""The IPv4 addresses of interfaces."""
LOOPBACK_POOL = IPv4Network("100.64.0.0/10")
"""The hosts' own IPv4 addresses: shared address space (RFC 6598). No overlay and no circuit has them."""
IPV6_POOL = IPv6Network("fd74:e102:a04c::/48")
"""All IPv6 addresses: a unique local network (RFC 4193), whose number is the start of the SHA-256 of ``gtsdsl``.

A name with addresses of both families still resolves to the IPv4 address first, because programs prefer IPv4 to unique
local addresses (RFC 6724, section 2.1). With the documentation prefix, all programs would change to IPv6.
"""
IPV6_LOOPBACK_POOL = IPv6Network("fd74:e102:a04c:ffff::/64")
"""The hosts' own IPv6 addresses: the last /64 of `IPV6_POOL`. Circuits are in the first, switches in the others."""


class Address(NamedTuple):
    """An interface's address and the length of its subnet's prefix.

    It stands in for `ipaddress.IPv4Interface` and `IPv6Interface`, which take far longer to make.
    """

    ip: IPv4Address | IPv6Address
    prefix_length: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix_length}"


def addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return the IPv4 address of each port of `domains`: from `POOL`, or stated by the testbed for a control network.

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


def ipv6_addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return an address of `IPV6_POOL` for each port of `domains`.

    A circuit between two ports that take an address has a /127 (RFC 6164), and each other domain a /64.

    Raises:
        ValueError: the testbed has more domains of switches than `IPV6_POOL` has networks.
    """
    found: dict[PortRef, Address] = {}
    circuits = {wire.ends for wire in topology.wires}
    circuit = int(IPV6_POOL.network_address) + 2  # the first address of a /64 means any of its routers (RFC 4291)
    network = int(IPV6_POOL.network_address) + 2**64
    for ports in domains(topology):
        if tuple(ports) in circuits:
            start, length, circuit = circuit, 127, circuit + 2
        else:
            start, length, network = network + 1, 64, network + 2**64
        if network > int(IPV6_LOOPBACK_POOL.network_address):
            raise ValueError(f"the testbed has more domains of switches than {IPV6_POOL} has networks")
        for index, port in enumerate(ports):
            found[port] = Address(IPv6Address(start + index), length)
    return found


def link_local(mac: str) -> str:
    """Return the link-local address that follows from a MAC address (EUI-64: RFC 4291, appendix A), with its length."""
    octets = bytes.fromhex(mac.replace(":", ""))
    network = b"\xfe\x80" + bytes(6)
    identifier = bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return f"{socket.inet_ntop(socket.AF_INET6, network + identifier)}/64"


def ipv6_loopbacks(hosts: Sequence[Resource]) -> dict[str, IPv6Address]:
    """Return the own IPv6 address of each host, by the host's id: consecutive addresses of `IPV6_LOOPBACK_POOL`."""
    first = int(IPV6_LOOPBACK_POOL.network_address) + 1
    return {host.id: IPv6Address(first + index) for index, host in enumerate(hosts)}


def loopbacks(hosts: Sequence[Resource]) -> dict[str, IPv4Address]:
    """Return the own IPv4 address of each host, by the host's id: consecutive addresses of `LOOPBACK_POOL`.

    Raises:
        ValueError: there are more hosts than `LOOPBACK_POOL` has addresses.
    """
    if len(hosts) >= LOOPBACK_POOL.num_addresses - 1:
        raise ValueError(
            f"the testbed has more hosts than the {LOOPBACK_POOL.num_addresses} addresses of {LOOPBACK_POOL}"
        )
    first = int(LOOPBACK_POOL.network_address) + 1
    return {host.id: IPv4Address(first + index) for index, host in enumerate(hosts)}
