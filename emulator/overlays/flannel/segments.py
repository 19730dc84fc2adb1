"""Runs of TCP segments as single packets for a TUN interface, as a network card hands them over (GRO).

A packet for the interface follows a ``struct virtio_net_hdr``. If that names a segment size, the packet stands for a
run of segments, and the kernel passes it on as one packet.

The checksum of such a packet is derived from its segments' checksums, without a look at the data. The kernel verifies
it over the data, as that of each packet, so it drops a run with a segment whose checksum is wrong.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

VNET = struct.Struct("=BBHHHH")
"""``struct virtio_net_hdr``: flags, kind of segmentation, header bytes, segment bytes, and two of checksums."""
PLAIN = VNET.pack(0, 0, 0, 0, 0, 0)

_TCPV4 = 1
_IP_BYTES, _TCP_BYTES = 20, 20
_HEADERS = struct.Struct("!2sHH4sH12sI5sBHH")
"""The header of IP (version to type of service, length, identification, fragment to protocol, checksum, addresses), the
ports, and that of TCP (sequence, acknowledgement and header length, flags, window, checksum)."""
_FIXED_BYTES = _HEADERS.size
_VERSION_AND_HEADER = 0x45
_TCP = 6
_ACK, _PSH = 0x10, 0x08
_MORE_OR_OFFSET = 0x3FFF
_MAX_BYTES = 65535
_ONES = 0xFFFF


def frames(packets: Sequence[bytes]) -> Iterator[bytearray]:
    """Yield IP packets for a TUN interface, each behind its header; segments that follow each other become one.

    The packets have at least an IP header.
    """
    at = 0
    while at < len(packets):
        count = _run_length(packets, at)
        yield bytearray(PLAIN + packets[at]) if count == 1 else _merged(packets[at : at + count])
        at += count


def _run_length(packets: Sequence[bytes], at: int) -> int:
    """Return how many packets, from the one at an index, follow each other in a connection.

    All have the same size, only the last may be shorter, and all but that have no flags other than ACK.
    """
    first = packets[at]
    header_bytes = _header_bytes(first)
    if header_bytes == 0 or (len(first) - header_bytes) % 2:
        return 1  # after an odd size, checksums cannot be derived
    tos, length, identification, fragment, checksum, flow, sequence, acknowledged, flags, window, _ = (
        _HEADERS.unpack_from(first)
    )
    options, size = first[_FIXED_BYTES:header_bytes], length - header_bytes
    total = length + identification + checksum  # the others of the run must have the same, or a header is damaged
    most = (_MAX_BYTES - header_bytes) // size
    count = 1
    while not flags & _PSH and length == len(first) and at + count < len(packets) and count < most:
        packet = packets[at + count]
        if len(packet) <= header_bytes or len(packet) > len(first):
            break
        (
            other_tos,
            length,
            other_id,
            other_fragment,
            checksum,
            other_flow,
            other_sequence,
            other,
            flags,
            other_window,
            _,
        ) = _HEADERS.unpack_from(packet)
        if (
            other_flow != flow
            or other_sequence != (sequence + count * size) & 0xFFFFFFFF
            or other_id != (identification + count) & _ONES
            or length != len(packet)
            or (other_tos, other_fragment, other, other_window) != (tos, fragment, acknowledged, window)
            or flags & ~_PSH != _ACK
            or (length + other_id + checksum - total) % _ONES
            or packet[_FIXED_BYTES:header_bytes] != options
        ):
            break
        count += 1
    return count


def _merged(packets: Sequence[bytes]) -> bytearray:
    """Return a header and a packet that stand for a run of segments."""
    first, last = packets[0], packets[-1]
    header_bytes = _IP_BYTES + (first[32] >> 4) * 4
    size = len(first) - header_bytes
    length = header_bytes + (len(packets) - 1) * size + len(last) - header_bytes
    header = bytearray(first[:header_bytes])
    header[2:4] = length.to_bytes(2, "big")
    header[33] |= last[33]
    header[10:12] = header[36:38] = b"\0\0"
    header[10:12] = (_ONES - int.from_bytes(header[:_IP_BYTES], "big") % _ONES).to_bytes(2, "big")
    # the sums of pseudo header, TCP header and data of each segment are 0 (modulo 65,535)
    data = -sum(_sum(packet[:header_bytes], len(packet)) for packet in packets)
    checksum = _ONES - (_sum(header, length) + data) % _ONES
    header[36:38] = checksum.to_bytes(2, "big")
    vnet = VNET.pack(0, _TCPV4, header_bytes, size, 0, 0)
    return bytearray(b"").join((vnet, header, *(packet[header_bytes:] for packet in packets)))


def _header_bytes(packet: bytes) -> int:
    """Return the bytes of a segment's headers; 0 if the packet is not a plain segment with data."""
    if len(packet) <= _IP_BYTES + _TCP_BYTES or packet[0] != _VERSION_AND_HEADER or packet[9] != _TCP:
        return 0
    header_bytes = _IP_BYTES + (packet[32] >> 4) * 4
    if (
        not _IP_BYTES + _TCP_BYTES <= header_bytes < len(packet)
        or packet[33] & ~_PSH != _ACK
        or int.from_bytes(packet[6:8], "big") & _MORE_OR_OFFSET
        or int.from_bytes(packet[2:4], "big") != len(packet)
        or int.from_bytes(packet[:_IP_BYTES], "big") % _ONES
    ):
        return 0
    return header_bytes


def _sum(header: bytes | bytearray, packet_bytes: int) -> int:
    """Return the sum of a segment's pseudo header and TCP header, a multiple of 65,535 apart."""
    return int.from_bytes(header[12:], "big") + _TCP + packet_bytes - _IP_BYTES
