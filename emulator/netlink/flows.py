"""Flows of Open vSwitch's kernel datapath: what a packet must be like, what happens to it, and their bytes.

The attributes are those of `linux/openvswitch.h`. A flow here matches the port that a packet came in by, its MAC
addresses, and its tunnel if it came by one; it matches any EtherType and all that is above it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from socket import inet_aton, inet_ntoa
from typing import TypeAlias

from emulator.netlink.messages import attribute, attributes, nested, u32

_KEY_IN_PORT, _KEY_ETHERNET, _KEY_TUNNEL = 3, 4, 16
_TUNNEL_ID, _TUNNEL_SOURCE, _TUNNEL_DESTINATION, _TUNNEL_TOS, _TUNNEL_TTL, _TUNNEL_NO_FRAGMENT = range(6)
_FLOW_KEY, _FLOW_ACTIONS, _FLOW_STATS, _FLOW_USED, _FLOW_CLEAR, _FLOW_MASK = 1, 2, 3, 5, 6, 7
_ACTION_OUTPUT, _ACTION_USERSPACE, _ACTION_SET = 1, 2, 3
_USERSPACE_PORT = 1
_MAC_BYTES = 6
_U32 = struct.Struct("=I")
_ID = struct.Struct("!Q")
_STATS = struct.Struct("=QQ")
_USED = struct.Struct("=Q")
_EXACT = b"\xff"


@dataclass(frozen=True, slots=True)
class Tunnel:
    """The outer header of a packet in a tunnel: the tunnel's number (VNI), the two addresses, and the IP header's rest.

    In a flow's key, only the number and the addresses count.
    """

    number: int
    source: str
    destination: str
    ttl: int = 0
    tos: int = 0
    dont_fragment: bool = False


@dataclass(frozen=True, slots=True)
class FlowKey:
    """The packets that a flow matches: the number of the port that they come in by, their MAC addresses, their tunnel.

    ``tunnel`` is None for a packet that came by no tunnel.
    """

    in_port: int
    source: bytes
    destination: bytes
    tunnel: Tunnel | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """Send the packet out of a port, by its number."""

    port: int


@dataclass(frozen=True, slots=True)
class SetTunnel:
    """Give the packet the header that the tunnel of the next `Output` wraps it in."""

    tunnel: Tunnel


@dataclass(frozen=True, slots=True)
class ToProgram:
    """Send the packet to a program as an upcall; ``socket`` is the port id of its netlink socket."""

    socket: int


Action: TypeAlias = Output | SetTunnel | ToProgram


@dataclass(frozen=True, slots=True)
class Flow:
    """A flow of a datapath, with the packets and bytes that it matched since it was made or cleared.

    ``used_ms`` is when it matched the last packet, in the kernel's monotonic clock; None if it matched none.
    """

    key: FlowKey
    actions: tuple[Action, ...]
    packets: int = 0
    bytes: int = 0
    used_ms: int | None = None


def key_attributes(key: FlowKey) -> bytes:
    """Return the key and the mask of a flow, which say together what it matches."""
    mask = [u32(_KEY_IN_PORT, 0xFFFFFFFF), attribute(_KEY_ETHERNET, _EXACT * 2 * _MAC_BYTES)]
    values = [u32(_KEY_IN_PORT, key.in_port), attribute(_KEY_ETHERNET, key.source + key.destination)]
    if key.tunnel is not None:
        addresses = inet_aton(key.tunnel.source), inet_aton(key.tunnel.destination)
        # the kernel demands a time to live, although the mask lets any one pass
        values.append(nested(_KEY_TUNNEL, *_endpoints(_ID.pack(key.tunnel.number), *addresses), _byte(_TUNNEL_TTL, 0)))
        mask.append(nested(_KEY_TUNNEL, *_endpoints(_EXACT * 8, _EXACT * 4, _EXACT * 4), _byte(_TUNNEL_TTL, 0)))
    return nested(_FLOW_KEY, *values) + nested(_FLOW_MASK, *mask)


def flow_attributes(key: FlowKey, actions: Iterable[Action]) -> bytes:
    """Return the attributes of a flow to be made."""
    return key_attributes(key) + nested(_FLOW_ACTIONS, action_attributes(actions))


def clear_attributes(key: FlowKey) -> bytes:
    """Return the attributes of a request to clear a flow's counts and the time of its last use."""
    return key_attributes(key) + attribute(_FLOW_CLEAR, b"")


def action_attributes(actions: Iterable[Action]) -> bytes:
    """Return the attributes of actions in their order."""
    return b"".join(_action(action) for action in actions)


def parse_flow(data: bytes, offset: int) -> Flow:
    """Return the flow of a message's attributes.

    Raises:
        ValueError: this module cannot express the flow.
    """
    values = dict(attributes(data, offset))
    packets, size = _STATS.unpack(values[_FLOW_STATS]) if _FLOW_STATS in values else (0, 0)
    used = values.get(_FLOW_USED)
    return Flow(
        parse_key(values.get(_FLOW_KEY, b"")),
        tuple(_parse_actions(values.get(_FLOW_ACTIONS, b""))),
        packets,
        size,
        None if used is None else _USED.unpack(used)[0],
    )


def parse_key(data: bytes) -> FlowKey:
    """Return the key of a flow, or of a packet that came as an upcall.

    Raises:
        ValueError: the packet came by no port, or has no Ethernet header.
    """
    values = dict(attributes(data))
    if _KEY_IN_PORT not in values or len(ethernet := values.get(_KEY_ETHERNET, b"")) != 2 * _MAC_BYTES:
        raise ValueError("a flow without a port or without an Ethernet header")
    tunnel = _parse_tunnel(values[_KEY_TUNNEL]) if _KEY_TUNNEL in values else None
    return FlowKey(_U32.unpack(values[_KEY_IN_PORT])[0], ethernet[:_MAC_BYTES], ethernet[_MAC_BYTES:], tunnel)


def _action(action: Action) -> bytes:
    if isinstance(action, Output):
        return u32(_ACTION_OUTPUT, action.port)
    if isinstance(action, ToProgram):
        return nested(_ACTION_USERSPACE, u32(_USERSPACE_PORT, action.socket))
    it = action.tunnel
    parts = _endpoints(_ID.pack(it.number), inet_aton(it.source), inet_aton(it.destination))
    parts += [_byte(_TUNNEL_TOS, it.tos), _byte(_TUNNEL_TTL, it.ttl)]
    if it.dont_fragment:
        parts.append(attribute(_TUNNEL_NO_FRAGMENT, b""))
    return nested(_ACTION_SET, nested(_KEY_TUNNEL, *parts))


def _endpoints(number: bytes, source: bytes, destination: bytes) -> list[bytes]:
    return [
        attribute(_TUNNEL_ID, number),
        attribute(_TUNNEL_SOURCE, source),
        attribute(_TUNNEL_DESTINATION, destination),
    ]


def _byte(kind: int, value: int) -> bytes:
    return attribute(kind, bytes((value,)))


def _parse_tunnel(data: bytes) -> Tunnel:
    values: Mapping[int, bytes] = dict(attributes(data))
    return Tunnel(
        _ID.unpack(values[_TUNNEL_ID])[0] if _TUNNEL_ID in values else 0,
        inet_ntoa(values.get(_TUNNEL_SOURCE, bytes(4))),
        inet_ntoa(values.get(_TUNNEL_DESTINATION, bytes(4))),
        values.get(_TUNNEL_TTL, b"\0")[0],
        values.get(_TUNNEL_TOS, b"\0")[0],
        _TUNNEL_NO_FRAGMENT in values,
    )


def _parse_actions(data: bytes) -> Iterator[Action]:
    for kind, value in attributes(data):
        inner = dict(attributes(value)) if kind != _ACTION_OUTPUT else {}
        if kind == _ACTION_OUTPUT:
            yield Output(_U32.unpack(value)[0])
        elif kind == _ACTION_USERSPACE and _USERSPACE_PORT in inner:
            yield ToProgram(_U32.unpack(inner[_USERSPACE_PORT])[0])
        elif kind == _ACTION_SET and _KEY_TUNNEL in inner:
            yield SetTunnel(_parse_tunnel(inner[_KEY_TUNNEL]))
        else:
            raise ValueError(f"an action of kind {kind}")
