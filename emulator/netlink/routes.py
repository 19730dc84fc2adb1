"""Routes of both families through a neighbour, with the source address of the host's packets."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache

from emulator.netlink.messages import NEW, PUT, KernelRequest, attribute, packed, u32

_RTM_NEWROUTE = 24
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 254, 4, 0, 1
_RTMSG = struct.Struct("=BBBBBBBBI")


def add(
    destinations: Iterable[str], gateway: str, index: int, name: str, source: str, *, replace: bool = False
) -> list[KernelRequest]:
    """Return the netlink requests that add routes to subnets (``100.64.0.4/30``); ``gateway`` is a neighbour.

    ``source`` is the address from which the host sends. ``replace`` lets a request change an existing route.
    """
    through = attribute(_RTA_GATEWAY, packed(gateway)[1]) + u32(_RTA_OIF, index)
    through += attribute(_RTA_PREFSRC, packed(source)[1])
    flags = PUT if replace else NEW
    return [KernelRequest(_RTM_NEWROUTE, flags, _to(destination) + through, name) for destination in destinations]


@lru_cache(maxsize=2**16)
def _to(destination: str) -> bytes:
    """Return the first part of a route's message, which is the same for all hosts with a route to this network."""
    network, _, prefix = destination.partition("/")
    family, address = packed(network)
    # in the order of the fields: family, two prefix lengths, service, table, protocol, scope, type, flags
    header = _RTMSG.pack(family, int(prefix), 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0)
    return header + attribute(_RTA_DST, address)
