"""Permanent MAC addresses of neighbours, for which the kernel sends no request (ARP, neighbour discovery)."""

from __future__ import annotations

import struct

from emulator.netlink.messages import PUT, KernelRequest, attribute, packed

_RTM_NEWNEIGH = 28
_NDA_DST, _NDA_LLADDR = 1, 2
_NUD_PERMANENT = 0x80
_NDMSG = struct.Struct("=BxxxiHBB")


def add(index: int, name: str, address: str, mac: str) -> KernelRequest:
    """Return the request that writes a neighbour's MAC address permanently."""
    family, target = packed(address)
    body = _NDMSG.pack(family, index, _NUD_PERMANENT, 0, 0)
    body += attribute(_NDA_DST, target) + attribute(_NDA_LLADDR, bytes.fromhex(mac.replace(":", "")))
    return KernelRequest(_RTM_NEWNEIGH, PUT, body, f"{name}, neighbour {address}")
