"""Addresses of interfaces, of both families: add and remove them."""

from __future__ import annotations

import struct

from emulator.netlink.messages import NEW, PUT, KernelRequest, attribute, packed

_RTM_NEWADDR, _RTM_DELADDR = 20, 21
_IFA_ADDRESS, _IFA_LOCAL, _IFA_BROADCAST = 1, 2, 4
_AF_INET6 = 10
_IFA_F_NODAD = 0x02
_IFADDR = struct.Struct("=BBBBI")


def add(index: int, name: str, address: str, *, replace: bool = False) -> KernelRequest:
    """Return the request that gives an interface an address with its prefix length, such as ``10.0.0.1/31``.

    With ``replace``, the interface may have the address already.
    """
    return KernelRequest(_RTM_NEWADDR, PUT if replace else NEW, _body(index, address), f"{name}, address {address}")


def remove(index: int, name: str, address: str) -> KernelRequest:
    """Return the request that removes an address from an interface."""
    return KernelRequest(_RTM_DELADDR, 0, _body(index, address), f"{name}, address {address}")


def _body(index: int, address: str) -> bytes:
    text, _, length = address.partition("/")
    prefix = int(length)
    family, octets = packed(text)
    # the plan gives each IPv6 address once, so the kernel need not ask whether another node has it (RFC 4862, 5.4)
    flags = _IFA_F_NODAD if family == _AF_INET6 else 0
    body = _IFADDR.pack(family, prefix, flags, 0, index) + attribute(_IFA_LOCAL, octets)
    body += attribute(_IFA_ADDRESS, octets)
    if family == _AF_INET6 or prefix >= 31:  # a /31 or /32 has no broadcast address (RFC 3021), and IPv6 has none
        return body
    broadcast = int.from_bytes(octets, "big") | 2 ** (32 - prefix) - 1
    return body + attribute(_IFA_BROADCAST, broadcast.to_bytes(4, "big"))
