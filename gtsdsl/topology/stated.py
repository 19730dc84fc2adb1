"""Addresses that a user states: ``ipv4`` and ``ipv6`` of a host's port, and of a host, whose own address they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

from gtsdsl.model.testbed import PortRef
from gtsdsl.model.values import Value, describe
from gtsdsl.text import printable
from gtsdsl.topology.domains import domains
from gtsdsl.topology.model import Topology

Attribute: TypeAlias = Literal["ipv4", "ipv6"]
ATTRIBUTES: tuple[Attribute, ...] = ("ipv4", "ipv6")
"""The attributes of ports and of hosts that state an address, one for each family."""

Owner: TypeAlias = "PortRef | str"
"""The port or the host, by its id, that has an address."""


class Address(NamedTuple):
    """An interface's address and the length of its subnet's prefix.

    It stands in for `ipaddress.IPv4Interface` and `IPv6Interface`, which take far longer to make.
    """

    ip: IPv4Address | IPv6Address
    prefix_length: int

    def __str__(self) -> str:
        return f"{self.ip}/{self.prefix_length}"

    @property
    def span(self) -> tuple[int, int]:
        """The first and the last address of the subnet, as numbers."""
        size = 2 ** (self.ip.max_prefixlen - self.prefix_length)
        first = int(self.ip) // size * size
        return first, first + size - 1

    @property
    def usable(self) -> tuple[int, int]:
        """The first and the last address of the subnet that an interface can have, as numbers.

        A subnet of one or two addresses uses all (RFC 3021, RFC 6164). Any other has an address of the network, in IPv6
        of any of its routers (RFC 4291, 2.6.1), and in IPv4 a broadcast address.
        """
        first, last = self.span
        if last - first < 2:
            return first, last
        return first + 1, last - 1 if self.ip.version == 4 else last


class Conflict(NamedTuple):
    """A stated address that cannot be: whose it is, and the other owner whose address contradicts it, if there is."""

    message: str
    attribute: Attribute
    owner: Owner
    other: Owner | None = None


def parse_stated(attribute: Attribute, value: Value, *, is_own: bool) -> Address:
    """Return the address that a value states; ``is_own`` is for a host's own address, which has no prefix length.

    Raises:
        ValueError: the value is no such address; the message says what is wrong with it.
    """
    family, example = ("IPv4", "192.0.2.1/30") if attribute == "ipv4" else ("IPv6", "2001:db8::1/127")
    form = f"an {family} address without a prefix length" if is_own else f"an {family} address with a prefix length"
    text = value if isinstance(value, str) else ""
    ip, slash, length = text.partition("/")
    try:
        if bool(slash) is is_own or (slash and not length.isdecimal()) or "%" in text:
            raise ValueError
        found = (IPv4Interface if attribute == "ipv4" else IPv6Interface)(text)
    except ValueError:
        write = example.partition("/")[0] if is_own else example
        raise ValueError(f"{describe(value)} is not {form}, such as {write}") from None
    address = Address(found.ip, found.network.prefixlen)
    for is_one, kind in (
        (address.ip.is_multicast, "a multicast address"),
        (address.ip.is_link_local, "a link-local address, which each interface has already"),
        (address.ip.is_loopback or address.ip.is_unspecified, "an address that no other machine can reach"),
        (address.ip.version == 4 and address.ip.is_reserved, "a reserved address"),
        (isinstance(address.ip, IPv6Address) and address.ip.ipv4_mapped is not None, "an IPv4 address in IPv6"),
    ):
        if is_one:
            raise ValueError(f"{ip} is {kind}")
    first, last = address.usable
    if int(address.ip) < first:
        raise ValueError(f"{text} is the address of its network, not one that an interface can have")
    if int(address.ip) > last:
        raise ValueError(f"{text} is the broadcast address of its network")
    return address


def stated_addresses(topology: Topology, attribute: Attribute) -> dict[Owner, Address]:
    """Return the addresses that a topology states for ports and hosts; wrong ones are left out (GTS033)."""
    found: dict[Owner, Address] = {}
    for node in topology.nodes.values():
        owners: list[tuple[Owner, Mapping[str, Value]]] = [] if node.is_switch else [(node.id, node.attributes)]
        owners += [(PortRef(node.id, port.id), port.attributes) for port in node.ports]
        for owner, attributes in owners:
            if attribute in attributes:
                try:
                    found[owner] = parse_stated(attribute, attributes[attribute], is_own=isinstance(owner, str))
                except ValueError:
                    continue
    return found


def conflicts(topology: Topology) -> Iterator[Conflict]:
    """Yield the stated addresses that contradict each other or the topology."""
    segments = domains(topology)
    for attribute in ATTRIBUTES:
        stated = stated_addresses(topology, attribute)
        if stated:
            yield from _conflicts(segments, stated, attribute)


def _conflicts(
    segments: list[list[PortRef]], stated: Mapping[Owner, Address], attribute: Attribute
) -> Iterator[Conflict]:
    wired = {port for ports in segments for port in ports}
    for owner in stated:
        if isinstance(owner, PortRef) and owner not in wired:
            message = f"{_name(owner)} can have no address: it is on no link, or a switch forwards frames through it"
            yield Conflict(message, attribute, owner)
    first_of: dict[IPv4Address | IPv6Address, Owner] = {}
    for owner, address in stated.items():
        before = first_of.setdefault(address.ip, owner)
        if before != owner:
            yield Conflict(f"{_name(before)} and {_name(owner)} both have {address.ip}", attribute, owner, before)
    networks: list[tuple[tuple[int, int], Owner]] = []
    for ports in segments:
        given = [port for port in ports if port in stated]
        for port in given[1:]:
            if stated[port].span != stated[given[0]].span:
                message = f"{_name(port)} and {_name(given[0])} reach each other directly, but are in two subnets: "
                yield Conflict(f"{message}{stated[port]} and {stated[given[0]]}", attribute, port, given[0])
        if given:
            first, last = stated[given[0]].usable
            if last - first + 1 < len(ports):
                message = f"the subnet of {stated[given[0]]} is too small for the {len(ports)} ports in it"
                yield Conflict(message, attribute, given[0])
            networks.append((stated[given[0]].span, given[0]))
    networks += [(address.span, owner) for owner, address in stated.items() if isinstance(owner, str)]
    for (before_span, before), (span, owner) in pairwise(sorted(networks, key=lambda item: item[0])):
        if span[0] <= before_span[1] and stated[before].ip != stated[owner].ip:
            message = f"the subnets of {stated[before]} ({_name(before)}) and {stated[owner]} ({_name(owner)}) overlap"
            yield Conflict(message, attribute, owner, before)


def _name(owner: Owner) -> str:
    kind = "port" if isinstance(owner, PortRef) else "host"
    return f"{kind} `{printable(str(owner), 100)}`"
