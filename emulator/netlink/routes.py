"""IPv4 routes: through a neighbour, with the address that a host speaks from."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv4Network

from emulator.netlink.messages import PUT, Request, attribute, u32

_RTM_NEWROUTE, _RTM_DELROUTE = 24, 25
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PREFSRC = 1, 4, 5, 7
_AF_INET, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST = 2, 254, 4, 0, 1
_RTMSG = struct.Struct("=BBBBBBBBI")
_ROUTE_TO = _RTMSG.size


def add(destination: IPv4Network, gateway: IPv4Address, index: int, name: str, source: IPv4Address | None) -> Request:
    """A route to a network through a neighbour on an interface; ``source`` is what the host says that it is."""
    return Request(_RTM_NEWROUTE, PUT, _body(destination, gateway, index, source), f"{name}, route to {destination}")


def remove(destination: IPv4Network, gateway: IPv4Address, index: int, name: str) -> Request:
    """Take a route away."""
    return Request(_RTM_DELROUTE, 0, _body(destination, gateway, index, None), f"{name}, route to {destination}")


def _body(destination: IPv4Network, gateway: IPv4Address, index: int, source: IPv4Address | None) -> bytes:
    prefix = destination.prefixlen
    parts = [
        _RTMSG.pack(_AF_INET, prefix, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, _RT_SCOPE_UNIVERSE, _RTN_UNICAST, 0),
        attribute(_RTA_GATEWAY, gateway.packed),
        u32(_RTA_OIF, index),
    ]
    if prefix:
        parts.append(attribute(_RTA_DST, destination.network_address.packed))
    if source is not None:
        parts.append(attribute(_RTA_PREFSRC, source.packed))
    return b"".join(parts)
