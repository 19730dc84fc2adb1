"""Permanent MAC addresses of neighbours, for which the kernel sends no ARP request."""

from __future__ import annotations

import struct
from socket import inet_aton

from emulator.netlink.messages import PUT, Request, attribute

_RTM_NEWNEIGH = 28
_NDA_DST, _NDA_LLADDR = 1, 2
_AF_INET, _NUD_PERMANENT = 2, 0x80
_NDMSG = struct.Struct("=BxxxiHBB")


def add(index: int, name: str, address: str, mac: bytes) -> Request:
    """Return the request that writes a neighbour's MAC address permanently."""
    body = _NDMSG.pack(_AF_INET, index, _NUD_PERMANENT, 0, 0)
    body += attribute(_NDA_DST, inet_aton(address)) + attribute(_NDA_LLADDR, mac)
    return Request(_RTM_NEWNEIGH, PUT, body, f"{name}, neighbour {address}")
