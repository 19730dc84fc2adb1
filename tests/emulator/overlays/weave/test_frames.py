"""Fragments and ICMP answers, byte by byte."""

from __future__ import annotations

import pytest

from emulator.overlays.weave import frames

HEADER = bytes.fromhex("0600000000020600000000010800")


def packet(size: int, *, flags: int = 0, options: bytes = b"") -> bytes:
    """Return a frame with a UDP packet of ``size`` bytes."""
    words = 5 + len(options) // 4
    header = bytearray(20)
    header[0] = 0x40 | words
    header[2:4] = size.to_bytes(2, "big")
    header[4:6] = b"\x12\x34"
    header[6:8] = flags.to_bytes(2, "big")
    header[8:10] = b"\x40\x11"
    header[12:20] = bytes((10, 244, 0, 1, 10, 244, 0, 2))
    whole = bytes(header) + options
    return HEADER + whole + (bytes(range(251)) * 12)[: size - len(whole)]


def test_only_ip_packets_can_say_that_they_must_not_be_fragmented() -> None:
    assert frames.must_not_be_fragmented(packet(100, flags=0x4000))
    assert not frames.must_not_be_fragmented(packet(100))
    arp = HEADER[:12] + b"\x08\x06" + packet(100, flags=0x4000)[14:]
    assert not frames.must_not_be_fragmented(arp)
    assert not frames.is_ip(arp)
    assert not frames.is_ip(HEADER + b"\x45")
    assert not frames.is_ip(HEADER + b"\x41" + bytes(30))


@pytest.mark.parametrize("options", [b"", b"\x01" * 8])
@pytest.mark.parametrize("size", [601, 1438, 2900])
def test_fragments_are_one_packet_when_joined(size: int, options: bytes) -> None:
    whole = packet(size, options=options)
    parts = list(frames.fragments(whole, 600))
    header_bytes = 20 + len(options)
    joined = bytearray()
    for index, part in enumerate(parts):
        assert part[:14] == HEADER
        assert len(part) - 14 <= 600
        assert int.from_bytes(part[16:18], "big") == len(part) - 14
        fields = int.from_bytes(part[20:22], "big")
        assert bool(fields & 0x2000) == (index < len(parts) - 1)
        assert (fields & 0x1FFF) * 8 == len(joined)
        assert frames.checksum(part[14 : 14 + header_bytes]) == 0
        joined += part[14 + header_bytes :]
    assert bytes(joined) == whole[14 + header_bytes :]


def test_a_fragment_is_fragmented_further() -> None:
    parts = list(frames.fragments(packet(1000, flags=0x2000 | 50), 600))
    fields = [int.from_bytes(it[20:22], "big") for it in parts]
    assert fields == [0x2000 | 50, 0x2000 | 50 + 72]


def test_the_answer_to_a_packet_that_is_too_large_names_the_mtu() -> None:
    whole = packet(1500, flags=0x4000)
    answer = frames.fragmentation_needed(whole, 1438)
    assert answer[:14] == HEADER[6:12] + HEADER[:6] + b"\x08\x00"
    assert answer[26:30] == whole[30:34]
    assert answer[30:34] == whole[26:30]
    assert frames.checksum(answer[14:34]) == 0
    assert frames.checksum(answer[34:]) == 0
    assert answer[34:36] == b"\x03\x04"
    assert int.from_bytes(answer[40:42], "big") == 1438
    assert answer[42:] == whole[14 : 14 + 28]


def test_the_checksum_of_rfc_1071() -> None:
    assert frames.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert frames.checksum(b"\xff") == 0x00FF
