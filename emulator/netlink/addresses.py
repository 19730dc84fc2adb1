"""IPv4 addresses of interfaces: given and taken away."""

from __future__ import annotations

import struct
from ipaddress import IPv4Interface

from emulator.netlink.messages import NEW, Request, attribute

_RTM_NEWADDR, _RTM_DELADDR = 20, 21
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_AF_INET = 2
_IFADDR = struct.Struct("=BBBBI")


def add(index: int, name: str, address: IPv4Interface) -> Request:
    """Give an interface an address."""
    return Request(_RTM_NEWADDR, NEW, _body(index, address), f"{name}, address {address}")


def remove(index: int, name: str, address: IPv4Interface) -> Request:
    """Take an address away from an interface."""
    return Request(_RTM_DELADDR, 0, _body(index, address), f"{name}, address {address}")


def _body(index: int, address: IPv4Interface) -> bytes:
    packed = address.packed
    prefix = address.network.prefixlen
    body = _IFADDR.pack(_AF_INET, prefix, 0, 0, index) + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    # a /31 and a /32 have no broadcast address (RFC 3021)
    return body + attribute(_IFA_BROADCAST, address.network.broadcast_address.packed) if prefix < 31 else body
