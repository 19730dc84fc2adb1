"""Frames that do not fit: IP packets cut into fragments, and the ICMP answer `fragmentation needed`.

It follows `fragment` of Weave's `sleeve.go` and `makeICMPFragNeeded` of its `ethernet_decoder.go`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from emulator.overlays.weave.forwarder import ETHERNET_BYTES

_IPV4 = b"\x08\x00"
_IP = struct.Struct("!BBHHHBBH4s4s")
_ICMP = struct.Struct("!BBHHH")
_DONT_FRAGMENT, _MORE = 0x4000, 0x2000
_OFFSET = 0x1FFF
_ICMP_PROTOCOL = 1
_UNREACHABLE, _FRAGMENTATION_NEEDED = 3, 4
_TTL = 64
_QUOTED_BYTES = 8


def is_ip(frame: bytes) -> bool:
    """Return whether a frame holds an IPv4 packet with a whole header."""
    return (
        frame[12:14] == _IPV4
        and len(frame) >= ETHERNET_BYTES + _IP.size
        and frame[ETHERNET_BYTES] >> 4 == 4
        and _IP.size <= _header_bytes(frame) <= len(frame) - ETHERNET_BYTES
    )


def must_not_be_fragmented(frame: bytes) -> bool:
    """Return whether a frame holds an IPv4 packet with the flag `don't fragment`."""
    return frame[12:14] == _IPV4 and len(frame) > 20 and frame[20] & 0x40 != 0 and is_ip(frame)


def fragments(frame: bytes, mtu_bytes: int) -> Iterator[bytes]:
    """Yield the fragments of a frame with an IP packet; each has at most ``mtu_bytes`` after its Ethernet header."""
    header_bytes = _header_bytes(frame)
    start = ETHERNET_BYTES + header_bytes
    total, flags = struct.unpack_from("!H2xH", frame, ETHERNET_BYTES + 2)
    payload = frame[start : ETHERNET_BYTES + total]
    most = max(8, (mtu_bytes - header_bytes) & ~7)
    for offset in range(0, len(payload), most):
        part = payload[offset : offset + most]
        more = _MORE if offset + most < len(payload) else flags & _MORE
        header = bytearray(frame[ETHERNET_BYTES:start])
        struct.pack_into("!H", header, 2, header_bytes + len(part))
        fields = flags & ~_MORE & ~_OFFSET | more | (flags & _OFFSET) + offset // 8
        struct.pack_into("!H", header, 6, fields)
        struct.pack_into("!H", header, 10, 0)
        struct.pack_into("!H", header, 10, checksum(header))
        yield frame[:ETHERNET_BYTES] + bytes(header) + part


def fragmentation_needed(frame: bytes, mtu_bytes: int) -> bytes:
    """Return the answer to a frame whose packet is larger than ``mtu_bytes`` and must not be fragmented.

    It seems to come from the packet's destination, because no router is between two containers.
    """
    header = frame[ETHERNET_BYTES : ETHERNET_BYTES + _header_bytes(frame)]
    quoted = frame[ETHERNET_BYTES : ETHERNET_BYTES + len(header) + _QUOTED_BYTES]
    message = _ICMP.pack(_UNREACHABLE, _FRAGMENTATION_NEEDED, 0, 0, mtu_bytes) + quoted
    message = _ICMP.pack(_UNREACHABLE, _FRAGMENTATION_NEEDED, checksum(message), 0, mtu_bytes) + quoted
    fields = (0x45, header[1], _IP.size + len(message), 0, 0, _TTL, _ICMP_PROTOCOL)
    addresses = (header[16:20], header[12:16])
    answer = _IP.pack(*fields, checksum(_IP.pack(*fields, 0, *addresses)), *addresses)
    return frame[6:12] + frame[:6] + _IPV4 + answer + message


def checksum(data: bytes | bytearray) -> int:
    """Return the Internet checksum (RFC 1071)."""
    even = bytes(data) + b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(even) // 2}H", even))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _header_bytes(frame: bytes) -> int:
    return (frame[ETHERNET_BYTES] & 15) * 4
