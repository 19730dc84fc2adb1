"""Filters at the egress of an interface: drop the messages by which a sender learns the MTU of a path.

The filters are `flower` of a `clsact` qdisc, which is beside netem: what they drop does not count as lost by netem.
"""

from __future__ import annotations

import socket
import struct

from emulator.netlink.messages import NEW, PUT, Request, attribute, nested, text

_RTM_NEWQDISC, _RTM_DELQDISC, _RTM_NEWTFILTER = 36, 37, 44
_TCA_KIND, _TCA_OPTIONS = 1, 2
_TC_H_CLSACT, _TC_H_CLSACT_EGRESS = 0xFFFFFFF1, 0xFFFFFFF3
_CLSACT_HANDLE = 0xFFFF0000
_TCMSG = struct.Struct("=BxxxiIII")
_FLOWER_ACT, _FLOWER_ETH_TYPE, _FLOWER_IP_PROTO = 3, 8, 9
_FLOWER_ICMPV4_CODE, _FLOWER_ICMPV4_TYPE, _FLOWER_ICMPV6_TYPE = 49, 51, 55
_ACT_KIND, _ACT_OPTIONS, _GACT_PARMS = 1, 2, 2
_TC_ACT_SHOT = 2
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
_DROP = nested(
    _FLOWER_ACT,
    nested(
        1,
        text(_ACT_KIND, "gact"),
        nested(_ACT_OPTIONS, attribute(_GACT_PARMS, struct.pack("=IIiii", 0, 0, _TC_ACT_SHOT, 0, 0))),
    ),
)
_UNREACHABLE, _FRAGMENTATION_NEEDED = 3, 4
"""The type and the code of ICMP's message (RFC 792)."""
_PACKET_TOO_BIG = 2
"""The type of ICMPv6's message (RFC 4443); it has one code only."""


def drop_too_big(index: int, name: str) -> list[Request]:
    """Return the requests by which an interface drops "fragmentation needed" and "packet too big" at its egress."""
    return [
        Request(_RTM_NEWQDISC, NEW, _clsact(index), f"{name}, clsact"),
        _filter(
            index, name, 1, _ETH_P_IP, socket.IPPROTO_ICMP,
            {_FLOWER_ICMPV4_TYPE: _UNREACHABLE, _FLOWER_ICMPV4_CODE: _FRAGMENTATION_NEEDED},
        ),
        _filter(index, name, 2, _ETH_P_IPV6, socket.IPPROTO_ICMPV6, {_FLOWER_ICMPV6_TYPE: _PACKET_TOO_BIG}),
    ]  # fmt: skip


def let_through(index: int, name: str) -> list[Request]:
    """Return the requests by which an interface drops these messages no longer."""
    return [Request(_RTM_DELQDISC, 0, _clsact(index), f"{name}, clsact")]


def _clsact(index: int) -> bytes:
    return _TCMSG.pack(0, index, _CLSACT_HANDLE, _TC_H_CLSACT, 0) + text(_TCA_KIND, "clsact")


def _filter(index: int, name: str, priority: int, ethertype: int, protocol: int, keys: dict[int, int]) -> Request:
    """Return the request that adds a filter; ``keys`` are the bytes that a packet's fields must have."""
    options = [
        attribute(_FLOWER_ETH_TYPE, struct.pack("!H", ethertype)),
        attribute(_FLOWER_IP_PROTO, bytes([protocol])),
        *(attribute(key, bytes([value])) for key, value in keys.items()),
        _DROP,
    ]
    body = _TCMSG.pack(0, index, 0, _TC_H_CLSACT_EGRESS, priority << 16 | socket.htons(ethertype))
    return Request(
        _RTM_NEWTFILTER, PUT, body + text(_TCA_KIND, "flower") + nested(_TCA_OPTIONS, *options), f"{name}, filter"
    )
