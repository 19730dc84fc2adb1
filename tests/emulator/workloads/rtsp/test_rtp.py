"""A receiver's knowledge of a stream: loss, duplicates, order, jitter, bit rate, the first complete frame."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from emulator.workloads.rtsp.rtp import Packet, Reception, Start, parse_packet
from emulator.workloads.statistics import jitter

CLOCK_HZ = 90_000
SECOND_NS = 10**9


def packet(sequence: int, timestamp: int = 0, *, ends_frame: bool = False, payload_bytes: int = 1000) -> Packet:
    return Packet(96, ends_frame, sequence & 0xFFFF, timestamp % 2**32, 7, payload_bytes)


def received(sequences: Sequence[int], first: int | None = 0) -> Reception:
    """Return the reception of packets with these numbers, a millisecond apart."""
    reception = Reception(CLOCK_HZ, 1.0, Start(first))
    for number, sequence in enumerate(sequences):
        reception.add(packet(sequence), number * 10**6)
    return reception


@pytest.mark.parametrize(
    ("sequences", "first", "sent", "lost", "duplicates", "reordered"),
    [
        ([0, 1, 2], 0, 3, 0, 0, 0),
        ([0, 2, 3], 0, 4, 1, 0, 0),
        ([1, 2], 0, 3, 1, 0, 0),
        ([0, 1], 0, 5, 3, 0, 0),
        ([1, 2], None, 2, 0, 0, 0),
        ([0, 2, 1, 3], 0, 4, 0, 0, 1),
        ([0, 1, 1, 2, 0], 0, 3, 0, 2, 0),
        ([65534, 65535, 0, 2], 65534, 5, 1, 0, 0),
        ([65534, 0, 65535, 65535, 1], 65534, 4, 0, 1, 1),
        ([], 0, 5, 5, 0, 0),
    ],
    ids=[
        "whole", "in the middle", "the first", "the last", "the first is unknown", "overtaken", "twice",
        "numbers begin again", "overtaken where numbers begin again", "everything",
    ],
)  # fmt: skip
def test_losses_are_counted_by_sequence_numbers(
    sequences: Sequence[int], first: int | None, sent: int, lost: int, duplicates: int, reordered: int
) -> None:
    reception = received(sequences, first)
    assert (reception.lost(sent), reception.duplicates, reception.reordered) == (lost, duplicates, reordered)
    assert reception.received == len(set(sequences))


def test_numbers_may_begin_again_several_times() -> None:
    numbers = range(65_000, 65_000 + 2 * 65_536)
    reception = received([number & 0xFFFF for number in numbers if number % 1000], 65_000)
    assert reception.expected == len(numbers)
    assert reception.lost(0) == sum(number % 1000 == 0 for number in numbers) == 132


def test_a_packet_from_before_the_stream_does_not_count() -> None:
    assert received([65_530, 0, 1]).received == 2


def test_jitter_is_that_of_rfc_3550_also_where_time_stamps_begin_again() -> None:
    transits_ns = [0, 5_000, 2_000, 90_000, 90_000, 17]
    ticks = [2**32 - 2 * 3600 + 3600 * number for number in range(len(transits_ns))]
    reception = Reception(CLOCK_HZ, 1.0, Start(0))
    for number, (transit_ns, tick) in enumerate(zip(transits_ns, ticks, strict=True)):
        reception.add(packet(number, tick), number * 40_000_000 + transit_ns)
    assert reception.jitter_ns == pytest.approx(jitter(transits_ns))


@pytest.mark.parametrize("begin", [0, 2**32 - CLOCK_HZ // 2])
@pytest.mark.parametrize("is_said", [True, False])
def test_bit_rate_and_jitter_are_those_of_the_first_second_of_video(begin: int, is_said: bool) -> None:
    reception = Reception(CLOCK_HZ, 1.0, Start(0, begin if is_said else None))
    for number, sequence in enumerate([0, 1, 1, 2, 3]):
        tick = begin + (0, 0, CLOCK_HZ - 1, CLOCK_HZ)[sequence]
        reception.add(packet(sequence, tick), 5 * SECOND_NS + number)
    assert reception.bit_rate_bps() == 3 * 1000 * 8
    before = reception.jitter_ns
    reception.add(packet(4, begin + CLOCK_HZ), 9 * SECOND_NS)
    assert before is not None
    assert reception.jitter_ns == before > 0


def test_one_packet_has_no_jitter() -> None:
    assert received([0]).jitter_ns is None


@pytest.mark.parametrize(
    ("arrivals", "last"),
    [
        ([(0, False), (1, True), (2, True)], 1),
        ([(1, True), (2, False), (3, True)], 2),
        ([(0, False), (2, True), (3, True)], 2),
        ([(0, False), (2, False), (3, True), (4, True)], 3),
        ([(0, False), (2, True), (1, False)], 2),
        ([(0, False), (1, False)], None),
    ],
    ids=["the first", "without its first packet", "with a gap", "without an end", "with a late packet", "unfinished"],
)
def test_the_first_frame_is_the_first_of_which_all_packets_have_come(
    arrivals: Sequence[tuple[int, bool]], last: int | None
) -> None:
    reception = Reception(CLOCK_HZ, 1.0, Start(0))
    for number, (sequence, ends_frame) in enumerate(arrivals):
        reception.add(packet(sequence, ends_frame=ends_frame), 1000 + number)
    assert reception.first_frame_ns == (None if last is None else 1000 + last)


HEADER = struct.Struct("!BBHII")


def test_a_datagram_is_taken_apart() -> None:
    assert parse_packet(HEADER.pack(0x80, 0xE0, 9, 8, 7) + b"payload") == Packet(96, True, 9, 8, 7, 7)
    with_all = HEADER.pack(0xB1, 0x60, 9, 8, 7) + bytes(4) + b"\0\0\0\1" + bytes(4) + b"payload\0\2"
    assert parse_packet(with_all) == Packet(96, False, 9, 8, 7, 7)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER.pack(0x80, 96, 1, 1, 1)[:-1],
        HEADER.pack(0x40, 96, 1, 1, 1) + b"payload",
        HEADER.pack(0x8F, 96, 1, 1, 1) + b"payload",
        HEADER.pack(0x90, 96, 1, 1, 1) + b"\0\0\0",
        HEADER.pack(0x90, 96, 1, 1, 1) + b"\0\0\xff\xff",
        HEADER.pack(0xA0, 96, 1, 1, 1) + b"\xff",
    ],
    ids=["empty", "short", "version 1", "no sources", "no extension", "long extension", "long padding"],
)
def test_what_is_no_packet_is_left_out(data: bytes) -> None:
    assert parse_packet(data) is None
