"""Topology to addresses of interfaces, with a subnet for each broadcast domain, and of hosts, in both families."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from gtsdsl.model.testbed import PortRef
from gtsdsl.topology.controllers import control_address, controllers
from gtsdsl.topology.domains import domains
from gtsdsl.topology.model import Topology
from gtsdsl.topology.stated import Address, Owner, stated_addresses

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


def addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return the IPv4 address of each port of `domains`: from `POOL`, or stated by the testbed for a control network.

    All switches share one namespace, in which a subnet can occur only once. If two switches state the same controller,
    the second one reaches it over the circuit of the first, and the circuit of the second keeps addresses of the pool.

    Raises:
        ValueError: the testbed needs more addresses than `POOL` has, or a controller's address is wrong.
    """
    found = pool_addresses(topology)
    stated = stated_addresses(topology, "ipv4")
    used: list[IPv4Network] = []
    for wire in topology.wires:
        for control, far in (wire.ends, wire.ends[::-1]):
            if control not in topology.control_ports or topology.nodes[far.resource].is_switch:
                continue
            switch = topology.nodes[control.resource]
            address, at = control_address(switch), controllers(switch)
            if control in stated or far in stated:
                continue
            if address is None or not at or at[0].address not in address.network or at[0].address == address.ip:
                continue
            if any(address.network.overlaps(network) for network in used):
                continue
            used.append(address.network)
            found[control] = Address(address.ip, address.network.prefixlen)
            found[far] = Address(at[0].address, address.network.prefixlen)
    return found


def pool_addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return the IPv4 address of each port of `domains`: the stated one, or one of `POOL`.

    A domain of two ports has a /31 (RFC 3021), and each other domain the smallest subnet that holds it, unless the
    testbed states an address in it.

    Raises:
        ValueError: the testbed needs more addresses than `POOL` has, or states addresses that contradict each other.
    """
    stated = stated_addresses(topology, "ipv4")
    pool = _Pool(POOL, 0, stated)
    found: dict[PortRef, Address] = {}
    for ports in domains(topology):
        # a point-to-point subnet needs no network and broadcast address (RFC 3021)
        bits = 1 if len(ports) == 2 else (len(ports) + 1).bit_length()
        first = pool.take(bits)  # also if it is not used, so that one stated address changes no others
        found |= _of_domain(ports, stated) or _numbered(ports, Address(IPv4Address(first), 32 - bits))
    return found


def ipv6_addresses(topology: Topology) -> dict[PortRef, Address]:
    """Return the IPv6 address of each port of `domains`: the stated one, or one of `IPV6_POOL`.

    A circuit between two ports that take an address has a /127 (RFC 6164), and each other domain a /64.

    Raises:
        ValueError: the testbed has more domains of switches than `IPV6_POOL` has networks, or states addresses that
            contradict each other.
    """
    stated = stated_addresses(topology, "ipv6")
    circuits = {wire.ends for wire in topology.wires}
    last = int(IPV6_LOOPBACK_POOL.network_address) - int(IPV6_POOL.network_address) - 1
    # the first address of a /64 means any of its routers (RFC 4291, 2.6.1)
    in_pairs, wide = _Pool(IPV6_POOL, 2, stated, 2**64 - 1), _Pool(IPV6_POOL, 2**64, stated, last)
    found: dict[PortRef, Address] = {}
    for ports in domains(topology):
        bits, pool = (1, in_pairs) if tuple(ports) in circuits else (64, wide)
        first = pool.take(bits)
        found |= _of_domain(ports, stated) or _numbered(ports, Address(IPv6Address(first), 128 - bits))
    return found


def link_local(mac: str) -> str:
    """Return the link-local address that follows from a MAC address (EUI-64: RFC 4291, appendix A), with its length."""
    octets = bytes.fromhex(mac.replace(":", ""))
    network = b"\xfe\x80" + bytes(6)
    identifier = bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return f"{socket.inet_ntop(socket.AF_INET6, network + identifier)}/64"


def loopbacks(topology: Topology) -> dict[str, IPv4Address]:
    """Return the own IPv4 address of each host, by the host's id: the stated one, or the next of `LOOPBACK_POOL`.

    Raises:
        ValueError: there are more hosts than `LOOPBACK_POOL` has addresses.
    """
    stated = stated_addresses(topology, "ipv4")
    pool = _Pool(LOOPBACK_POOL, 1, stated)
    free = {host.id: IPv4Address(pool.take(0)) for host in topology.hosts}
    return free | {host: IPv4Address(int(stated[host].ip)) for host in free if host in stated}


def ipv6_loopbacks(topology: Topology) -> dict[str, IPv6Address]:
    """Return the own IPv6 address of each host, by the host's id: stated, or the next of `IPV6_LOOPBACK_POOL`."""
    stated = stated_addresses(topology, "ipv6")
    pool = _Pool(IPV6_LOOPBACK_POOL, 1, stated)
    free = {host.id: IPv6Address(pool.take(0)) for host in topology.hosts}
    return free | {host: IPv6Address(int(stated[host].ip)) for host in free if host in stated}


class _Pool:
    """Free addresses of a network, in their order, without those of stated subnets.

    ``first`` and ``last`` are counted from the network's address; without ``last``, the network's end is the last.
    """

    def __init__(
        self, network: IPv4Network | IPv6Network, first: int, stated: Mapping[Owner, Address], last: int | None = None
    ) -> None:
        self._network = network
        self._free = int(network.network_address) + first
        self._last = int(network.broadcast_address) if last is None else int(network.network_address) + last
        self._taken = sorted({address.span for address in stated.values()}, reverse=True)

    def take(self, bits: int) -> int:
        """Return the first address of a free subnet of ``2**bits`` addresses, as a number.

        Raises:
            ValueError: the pool has none.
        """
        size = 1 << bits
        start = -(-self._free // size) * size
        while self._taken and self._taken[-1][0] < start + size:
            start = max(start, -(-(self._taken.pop()[1] + 1) // size) * size)
        self._free = start + size
        if self._free - 1 > self._last:
            raise ValueError(f"the testbed needs more addresses than {self._network} has")
        return start


def _numbered(ports: Sequence[PortRef], network: Address) -> dict[PortRef, Address]:
    """Return consecutive addresses of a subnet for ports."""
    first = network.usable[0]
    family = type(network.ip)
    return {port: Address(family(first + index), network.prefix_length) for index, port in enumerate(ports)}


def _of_domain(ports: Sequence[PortRef], stated: Mapping[Owner, Address]) -> dict[PortRef, Address] | None:
    """Return the addresses of a domain's ports if one is stated: the others have free ones of its subnet; else None.

    Raises:
        ValueError: the subnet has too few addresses.
    """
    given = {port: stated[port] for port in ports if port in stated}
    if not given:
        return None
    network = next(iter(given.values()))
    first, last = network.usable
    used = {int(address.ip) for address in given.values()}
    free = (number for number in range(first, last + 1) if number not in used)
    family = type(network.ip)
    for port in ports:
        if port not in given:
            number = next(free, None)
            if number is None:
                raise ValueError(f"the subnet of {network} is too small for the {len(ports)} ports in it")
            given[port] = Address(family(number), network.prefix_length)
    return given
