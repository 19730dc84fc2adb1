"""A parser of captured frames."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

ICMP, TCP, UDP = 1, 6, 17
_IPV4 = b"\x08\x00"


@dataclass(frozen=True)
class Datagram:
    """An IP packet in an Ethernet frame. Without UDP, the payload is all that comes after the IP header."""

    mac: str
    source: str
    target: str
    protocol: int
    dont_fragment: bool
    total_bytes: int
    ports: tuple[int, int]
    payload: bytes


def datagram(frame: bytes) -> Datagram:
    assert frame[12:14] == _IPV4
    version, _, total, _, flags, _, protocol, _, source, target = struct.unpack("!BBHHHBBH4s4s", frame[14:34])
    assert version == 0x45
    payload = frame[34 : 14 + total]
    ports = struct.unpack("!HH", payload[:4]) if protocol == UDP else (0, 0)
    return Datagram(
        frame[:6].hex(":"),
        str(IPv4Address(source)),
        str(IPv4Address(target)),
        protocol,
        bool(flags & 0x4000),
        total,
        ports,
        payload[8:] if protocol == UDP else payload,
    )


def packet(data: bytes) -> Datagram:
    """Parse an IP packet without an Ethernet header."""
    return datagram(bytes(12) + _IPV4 + data)


def echoes(frames: list[str]) -> list[bytes]:
    """Return the frames of an echo's request and reply: all captured frames except those of ARP and TCP."""
    found = [bytes.fromhex(frame) for frame in frames]
    return [frame for frame in found if frame[12:14] == _IPV4 and frame[23] in (ICMP, UDP)]


def between_hosts(found: Datagram) -> bool:
    return {found.source, found.target} == {"100.64.0.1", "100.64.0.2"}


def between_containers(found: Datagram) -> bool:
    return found.protocol == ICMP and {found.source, found.target} == {"10.244.1.2", "10.244.2.2"}


def tcp_is_right(data: bytes) -> bool:
    """Return whether the checksums of an IP packet without options and of its TCP segment are right."""
    pseudo = data[12:20] + struct.pack("!HH", TCP, len(data) - 20)
    return all(
        int.from_bytes(part + bytes(len(part) % 2), "big") % 0xFFFF == 0 for part in (data[:20], pseudo + data[20:])
    )


def is_too_long(said: str, mtu_bytes: int) -> bool:
    """Return whether `ping` says that its packet is larger than the MTU, which it names in versions before 2024."""
    # `ping -6` has a colon
    named = (f"message too long, mtu{sign}{mtu_bytes}" for sign in ("=", ": "))
    return any(text in said for text in named) or "sendmsg: Message too long" in said
