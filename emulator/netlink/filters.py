"""Filters at interfaces: drop the messages by which a sender learns the MTU of a path, or redirect packets.

The filters are `flower` of a `clsact` qdisc, which is beside netem: what they drop does not count as lost by netem.
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from ipaddress import ip_network

from emulator.netlink import facilities
from emulator.netlink.connection import Netlink
from emulator.netlink.links import LOOPBACK_INDEX
from emulator.netlink.messages import PUT, KernelRequest, attribute, nested, text, u32
from emulator.system.errors import EmulationError

_RTM_NEWQDISC, _RTM_NEWTFILTER, _RTM_DELTFILTER = 36, 44, 45
_TCA_KIND, _TCA_OPTIONS, _TCA_INGRESS_BLOCK = 1, 2, 13
_TC_H_CLSACT, _TC_H_CLSACT_EGRESS = 0xFFFFFFF1, 0xFFFFFFF3
_CLSACT_HANDLE = 0xFFFF0000
_TCMSG = struct.Struct("=BxxxIIII")
_MAGIC_BLOCK, _BLOCK = 0xFFFFFFFF, 1
"""The interface index that says that a message is about a block, and the number of the block of a namespace."""
_FLOWER_ACT, _FLOWER_ETH_TYPE, _FLOWER_IP_PROTO, _FLOWER_UDP_DST = 3, 8, 9, 21
_FLOWER_SOURCE = {4: 10, 6: 14}
_FLOWER_DESTINATION = {4: 12, 6: 16}
_FLOWER_ICMPV4_CODE, _FLOWER_ICMPV4_TYPE, _FLOWER_ICMPV6_TYPE = 49, 51, 55
_ACT_KIND, _ACT_OPTIONS, _GACT_PARMS, _MIRRED_PARMS = 1, 2, 2, 2
_TC_ACT_SHOT, _TC_ACT_STOLEN, _EGRESS_REDIRECT = 2, 4, 1
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD
_ETH_TYPES = {4: _ETH_P_IP, 6: _ETH_P_IPV6}
_UNREACHABLE, _FRAGMENTATION_NEEDED = 3, 4
"""The type and the code of ICMP's message (RFC 792)."""
_PACKET_TOO_BIG = 2
"""The type of ICMPv6's message (RFC 4443); it has one code only."""
_TOO_BIG = {1: _ETH_P_IP, 2: _ETH_P_IPV6}
"""The priorities of the filters that drop these messages, with their protocols; redirections come later."""


def _action(kind: str, parameters: int, body: bytes) -> bytes:
    options = nested(_ACT_OPTIONS, attribute(parameters, body))
    return nested(_FLOWER_ACT, nested(1, text(_ACT_KIND, kind), options))


_DROP = _action("gact", _GACT_PARMS, struct.pack("=IIiii", 0, 0, _TC_ACT_SHOT, 0, 0))


def drop_too_big(index: int, name: str) -> list[KernelRequest]:
    """Return the requests by which an interface drops "fragmentation needed" and "packet too big" at its egress."""
    keys: dict[int, dict[int, int]] = {
        1: {
            _FLOWER_IP_PROTO: socket.IPPROTO_ICMP,
            _FLOWER_ICMPV4_TYPE: _UNREACHABLE,
            _FLOWER_ICMPV4_CODE: _FRAGMENTATION_NEEDED,
        },
        2: {_FLOWER_IP_PROTO: socket.IPPROTO_ICMPV6, _FLOWER_ICMPV6_TYPE: _PACKET_TOO_BIG},
    }
    found = [_clsact(index, name)]
    for priority, ethertype in _TOO_BIG.items():
        options = (attribute(key, bytes([value])) for key, value in keys[priority].items())
        found.append(_filter((index, _TC_H_CLSACT_EGRESS), name, priority, ethertype, *options, _DROP))
    return found


def require() -> None:
    """Check that this kernel has the filters, in a namespace that exists only for the check.

    Raises:
        EmulationError: it has not; the message says how to get them.
    """
    for reason in facilities.lacks("filters for black holes", "cls_flower", lambda _: _try()):
        raise EmulationError(reason)


def _try() -> None:
    with Netlink() as netlink:
        netlink.send(drop_too_big(LOOPBACK_INDEX, "lo"))


def let_through(index: int, name: str) -> list[KernelRequest]:
    """Return the requests by which an interface drops these messages no longer."""
    return [
        KernelRequest(_RTM_DELTFILTER, 0, _head((index, _TC_H_CLSACT_EGRESS), priority, ethertype), f"{name}, filter")
        for priority, ethertype in _TOO_BIG.items()
    ]


@dataclass(frozen=True, slots=True)
class Match:
    """The packets that a redirection takes: those that have all of these properties.

    ``address`` is an address or a network: of the source at an egress, and of the destination at an ingress.
    ``protocol`` is the IP protocol, and ``port`` the UDP port that they go to; None takes any.
    """

    address: str
    protocol: int | None = None
    port: int | None = None


def share_ingress(index: int, name: str) -> KernelRequest:
    """Return the request that lets what enters an interface pass the redirections that its namespace shares.

    It must be the first about the interface's filters, because the kernel lets a block be set at the start only.
    """
    return _clsact(index, name, u32(_TCA_INGRESS_BLOCK, _BLOCK))


def redirect_ingress(order: int, match: Match, target_index: int | None) -> KernelRequest:
    """Return the request that sends entering packets through an interface, after which they go on as before.

    A ``target_index`` of None lets packets go on, past all later filters. Those with a smaller ``order`` come first.
    """
    place = _MAGIC_BLOCK, _BLOCK
    return _redirect(place, "ingress", order, match, target_index, _FLOWER_DESTINATION)


def redirect_egress(index: int, name: str, order: int, match: Match, target_index: int) -> KernelRequest:
    """Return the request that sends packets that leave an interface through another one first."""
    return _redirect((index, _TC_H_CLSACT_EGRESS), name, order, match, target_index, _FLOWER_SOURCE)


_Place = tuple[int, int]
"""An interface's index and the parent of its filters; or the index for blocks and the number of the block."""


def _redirect(
    place: _Place, name: str, order: int, match: Match, target_index: int | None, kinds: dict[int, int]
) -> KernelRequest:
    network = ip_network(match.address)
    version = network.version
    keys = []
    # a filter with an address whose mask is empty takes no packet, because the kernel then does not read addresses
    if network.prefixlen:
        keys.append(attribute(kinds[version], network.network_address.packed))
        keys.append(attribute(kinds[version] + 1, network.netmask.packed))
    if match.protocol is not None:
        keys.append(attribute(_FLOWER_IP_PROTO, bytes([match.protocol])))
    if match.port is not None:
        keys.append(attribute(_FLOWER_UDP_DST, struct.pack("!H", match.port)))
    if target_index is not None:
        parameters = struct.pack("=IIiiiiI", 0, 0, _TC_ACT_STOLEN, 0, 0, _EGRESS_REDIRECT, target_index)
        keys.append(_action("mirred", _MIRRED_PARMS, parameters))
    # the kernel keeps filters of one priority for one protocol only
    priority = 2 * order + max(_TOO_BIG) + (version == 6)
    return _filter(place, f"{name}, {match.address}", priority, _ETH_TYPES[version], *keys)


def _clsact(index: int, name: str, blocks: bytes = b"") -> KernelRequest:
    body = _TCMSG.pack(0, index, _CLSACT_HANDLE, _TC_H_CLSACT, 0) + text(_TCA_KIND, "clsact") + blocks
    return KernelRequest(_RTM_NEWQDISC, PUT, body, f"{name}, clsact")


def _head(place: _Place, priority: int, ethertype: int) -> bytes:
    index, parent = place
    info = priority << 16 | socket.htons(ethertype)
    return _TCMSG.pack(0, index, 0, parent, info) + text(_TCA_KIND, "flower")


def _filter(place: _Place, name: str, priority: int, ethertype: int, *options: bytes) -> KernelRequest:
    """Return the request that adds a filter with options: the keys that a packet must have, and an action."""
    keys = attribute(_FLOWER_ETH_TYPE, struct.pack("!H", ethertype)), *options
    body = _head(place, priority, ethertype) + nested(_TCA_OPTIONS, *keys)
    return KernelRequest(_RTM_NEWTFILTER, PUT, body, f"{name}, filter")
