"""IPv4 addresses of interfaces: add and remove them."""

from __future__ import annotations

import struct

from emulator.netlink.messages import NEW, Request, attribute
from gtsdsl.topology.addresses import Address

_RTM_NEWADDR, _RTM_DELADDR = 20, 21
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_AF_INET = 2
_IFADDR = struct.Struct("=BBBBI")


def add(index: int, name: str, address: Address) -> Request:
    """Return the request that gives an interface an address."""
    return Request(_RTM_NEWADDR, NEW, _body(index, address), f"{name}, address {address}")


def remove(index: int, name: str, address: Address) -> Request:
    """Return the request that removes an address from an interface."""
    return Request(_RTM_DELADDR, 0, _body(index, address), f"{name}, address {address}")


def _body(index: int, address: Address) -> bytes:
    packed, prefix = address.ip.packed, address.prefix_length
    body = _IFADDR.pack(_AF_INET, prefix, 0, 0, index) + attribute(_IFA_LOCAL, packed) + attribute(_IFA_ADDRESS, packed)
    if prefix >= 31:  # a /31 or /32 has no broadcast address (RFC 3021)
        return body
    return body + attribute(_IFA_BROADCAST, (int(address.ip) | 2 ** (32 - prefix) - 1).to_bytes(4, "big"))
