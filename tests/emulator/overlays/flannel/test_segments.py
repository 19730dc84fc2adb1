"""Runs of TCP segments as single packets for a TUN interface."""

from __future__ import annotations

import socket
import struct

import pytest

from emulator.overlays.flannel.forwarder import checksum
from emulator.overlays.flannel.segments import PLAIN, VNET, frames

NEAR, FAR = (socket.inet_aton(it) for it in ("10.244.1.2", "10.244.2.2"))
TCP, UDP = 6, 17
ACK, ACK_PSH, ACK_FIN = 0x10, 0x18, 0x11
TIMESTAMPS = b"\x01\x01\x08\x0a" + bytes(range(8))
TCPV4 = 1
SIZE = 1000


def segment(
    sequence: int,
    data: bytes = bytes(SIZE),
    *,
    flags: int = ACK,
    identification: int = 0,
    port: int = 5201,
    acknowledged: int = 7,
    window: int = 500,
    ttl: int = 64,
    tos: int = 0,
    fragment: int = 0x4000,
    options: bytes = TIMESTAMPS,
    protocol: int = TCP,
) -> bytes:
    offset = (5 + len(options) // 4) << 4
    tcp = (
        struct.pack("!HHIIBBHHH", 40000, port, sequence & 0xFFFFFFFF, acknowledged, offset, flags, window, 0, 0)
        + options
        + data
    )
    pseudo = NEAR + FAR + struct.pack("!HH", protocol, len(tcp))
    tcp = (
        tcp[:16] + checksum((pseudo + tcp).ljust(len(pseudo + tcp) + len(tcp) % 2, b"\0")).to_bytes(2, "big") + tcp[18:]
    )
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, tos, 20 + len(tcp), identification, fragment, ttl, protocol, 0, NEAR, FAR)
    return ip[:10] + checksum(ip).to_bytes(2, "big") + ip[12:] + tcp


def run(*sizes: int, flags: int = ACK) -> list[bytes]:
    """Return segments that follow each other, with numbers that wrap around; the last has the flags."""
    found, at = [], 2**32 - 1500
    for index, size in enumerate(sizes):
        data = bytes((index + number) % 251 for number in range(size))
        is_last = index == len(sizes) - 1
        found.append(segment(at, data, identification=(65534 + index) % 65536, flags=flags if is_last else ACK))
        at += size
    return found


def is_right(packet: bytes) -> bool:
    """Return whether both checksums of a packet are right, as a kernel verifies them."""
    pseudo = packet[12:20] + struct.pack("!HH", TCP, len(packet) - 20)
    tcp = packet[20:] + bytes(len(packet) % 2)
    return checksum(packet[:20]) == checksum(pseudo + tcp) == 0


@pytest.mark.parametrize("sizes", [(SIZE,) * 5, (SIZE, SIZE, 17), (1448, 1)])
def test_segments_that_follow_each_other_become_one_packet_with_their_data(sizes: tuple[int, ...]) -> None:
    segments = run(*sizes, flags=ACK_PSH)
    (frame,) = frames(segments)
    packet = bytes(frame[VNET.size :])
    assert VNET.unpack_from(frame) == (0, TCPV4, 52, sizes[0], 0, 0)
    assert is_right(packet)
    assert int.from_bytes(packet[2:4], "big") == len(packet)
    assert packet[52:] == b"".join(it[52:] for it in segments)
    assert packet[33] == ACK_PSH
    assert (packet[4:10], packet[12:33], packet[34:36]) == (segments[0][4:10], segments[0][12:33], segments[0][34:36])


def test_a_damaged_segment_damages_the_run_so_that_the_kernel_drops_it() -> None:
    segments = run(SIZE, SIZE, SIZE)
    segments[1] = segments[1][:500] + b"!" + segments[1][501:]
    (frame,) = frames(segments)
    assert not is_right(bytes(frame[VNET.size :]))


BEGIN = run(SIZE, SIZE)
NEXT = 2 * SIZE - 1500
"""The sequence number after `BEGIN`."""


@pytest.mark.parametrize(
    "other",
    [
        segment(NEXT, port=5202),
        segment(NEXT + 1),
        segment(NEXT, identification=9),
        segment(NEXT, acknowledged=8),
        segment(NEXT, window=501),
        segment(NEXT, flags=ACK_FIN),
        segment(NEXT, flags=0),
        segment(NEXT, ttl=63),
        segment(NEXT, tos=3),
        segment(NEXT, fragment=0),
        segment(NEXT, fragment=0x2000),
        segment(NEXT, options=TIMESTAMPS[::-1]),
        segment(NEXT, options=b""),
        segment(NEXT, bytes(SIZE + 2)),
        segment(NEXT, b""),
        segment(NEXT, protocol=UDP),
        segment(NEXT) + b"trailer",
        segment(NEXT)[:10] + b"\x12\x34" + segment(NEXT)[12:],
        segment(NEXT)[:20],
    ],
)
def test_a_packet_that_differs_in_more_than_its_data_stays_alone(other: bytes) -> None:
    first, second = frames([*BEGIN, other])
    assert VNET.unpack_from(first)[1] == TCPV4
    assert second == PLAIN + other


def test_a_push_ends_a_run() -> None:
    segments = [*run(SIZE, SIZE, flags=ACK_PSH), segment(NEXT), segment(NEXT + SIZE, identification=1)]
    assert [len(it) for it in frames(segments)] == [VNET.size + 52 + 2 * SIZE] * 2


def test_a_shorter_segment_ends_a_run() -> None:
    segments = [*run(SIZE, 10), segment(10 - 500), segment(SIZE + 10 - 500, identification=1)]
    assert [len(it) for it in frames(segments)] == [VNET.size + 52 + SIZE + 10, VNET.size + 52 + 2 * SIZE]


def test_segments_of_an_odd_size_stay_alone() -> None:
    segments = run(999, 999)
    assert list(frames(segments)) == [PLAIN + it for it in segments]


def test_a_run_has_no_more_bytes_than_a_packet() -> None:
    found = list(frames(run(*(SIZE,) * 70)))
    assert [(len(it) - VNET.size - 52) // SIZE for it in found] == [65, 5]
    assert all(is_right(bytes(it[VNET.size :])) for it in found)


def test_other_packets_keep_their_place() -> None:
    other = segment(5, protocol=UDP)
    assert [it[VNET.size :] == other for it in frames([other, *BEGIN, other])] == [True, False, True]
