"""The RTP packets of a stream to what a receiver knows of it (RFC 3550): loss, jitter, bit rate, the first frame."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from emulator.workloads.statistics import next_jitter

_HEADER = struct.Struct("!BBHII")
_VERSION = 2
_EXTENSION, _PADDING, _MARKER = 0x10, 0x20, 0x80
_NS_PER_S = 10**9


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet. ``ends_frame`` is the marker bit, which the last packet of a frame has (RFC 6184, 5.1)."""

    payload_type: int
    ends_frame: bool
    sequence: int
    timestamp: int
    source: int
    payload_bytes: int


def parse_packet(data: bytes) -> Packet | None:
    """Return the packet that a datagram holds; None if it is not RTP of version 2, or is shorter than it says."""
    if len(data) < _HEADER.size:
        return None
    first, second, sequence, timestamp, source = _HEADER.unpack_from(data)
    begin, end = _HEADER.size + 4 * (first & 0x0F), len(data)
    if first & _EXTENSION:
        if end < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(data[begin + 2 : begin + 4])
    if first & _PADDING:
        end -= data[-1]
    if first >> 6 != _VERSION or end < begin:
        return None
    return Packet(second & 0x7F, bool(second & _MARKER), sequence, timestamp, source, end - begin)


@dataclass(frozen=True, slots=True)
class Start:
    """The sequence number and the time stamp of a stream's first packet; None if the server has not said one."""

    sequence: int | None = None
    timestamp: int | None = None


class Reception:
    """The reception of one stream, which each packet changes.

    Of what ``start`` does not say, the first packet that arrives has the first. Bit rate and jitter are those of the
    first ``duration_s`` of the stream by its own time stamps, so they do not depend on when the client leaves.
    """

    def __init__(self, clock_hz: int, duration_s: float, start: Start) -> None:
        self._clock_hz = clock_hz
        self._duration_s = duration_s
        self._first = start.sequence
        self._begin = start.timestamp
        self._got = bytearray()
        """A byte for each sequence number from the first on: whether it has arrived, and whether it ends a frame."""
        self._transit: tuple[int, int] | None = None
        self.first_arrival_ns: int | None = None
        """The time when the first packet arrived; None before that."""
        self.first_frame_ns: int | None = None
        """The time when the last packet of the first complete frame arrived; None before that."""
        self.payload_bytes = 0
        """The bytes of payload in the duration, without duplicates."""
        self.received = 0
        """The packets that arrived, without duplicates."""
        self.duplicates = 0
        """The packets that arrived once more."""
        self.reordered = 0
        """The packets that arrived after a later one."""
        self.jitter_ns: float | None = None
        """The interarrival jitter after the last packet in the duration (RFC 3550, section 6.4.1).

        None before the second packet.
        """

    @property
    def expected(self) -> int:
        """The packets from the first to the highest sequence number that arrived (RFC 3550, A.3)."""
        return len(self._got)

    def add(self, packet: Packet, arrived_ns: int) -> None:
        """Take a packet that arrived at a time, in the order of arrival."""
        index = self._index(packet.sequence)
        if index < 0:
            return  # older than the stream
        is_in_duration = self._is_in_duration(packet.timestamp)
        if is_in_duration:
            self._update_jitter(packet.timestamp, arrived_ns)
        if index >= len(self._got):
            self._got.extend(bytes(index + 1 - len(self._got)))
        elif self._got[index]:
            self.duplicates += 1
            return
        else:
            self.reordered += 1
        self._got[index] = _ENDS_FRAME if packet.ends_frame else _ARRIVED
        self.received += 1
        if self.first_arrival_ns is None:
            self.first_arrival_ns = arrived_ns
        if is_in_duration:
            self.payload_bytes += packet.payload_bytes
        completes = packet.ends_frame or index < len(self._got) - 1
        if self.first_frame_ns is None and completes and self._has_frame():
            self.first_frame_ns = arrived_ns

    def lost(self, sent: int) -> int:
        """Return how many packets were lost of those that the server sent."""
        return max(sent, self.expected) - self.received

    def bit_rate_bps(self) -> float:
        """Return the rate of the payload in the duration, in bit/s."""
        return self.payload_bytes * 8 / self._duration_s

    def _index(self, sequence: int) -> int:
        """Return the number of packets from the stream's first to one, although numbers begin again after 65,535."""
        if self._first is None:
            self._first = sequence
        highest = max(0, len(self._got) - 1)
        ahead = (sequence - self._first - highest) & 0xFFFF
        return highest + (ahead if ahead < 0x8000 else ahead - 0x10000)

    def _is_in_duration(self, timestamp: int) -> bool:
        if self._begin is None:
            self._begin = timestamp
        return _ticks(self._begin, timestamp) < self._duration_s * self._clock_hz

    def _update_jitter(self, timestamp: int, arrived_ns: int) -> None:
        if self._transit is not None:
            before, before_ns = self._transit
            spacing_ns = _ticks(before, timestamp) * _NS_PER_S / self._clock_hz
            self.jitter_ns = next_jitter(self.jitter_ns or 0.0, arrived_ns - before_ns - spacing_ns)
        self._transit = timestamp, arrived_ns

    def _has_frame(self) -> bool:
        """Return whether all packets of a frame have arrived.

        A frame begins after the end of the frame before. If this end was lost, nobody knows whether more was lost.
        """
        frames = self._got.split(bytes([_ENDS_FRAME]))
        return any(0 not in frame for frame in frames[:-1])


def _ticks(before: int, after: int) -> int:
    """Return the ticks from one time stamp to another, of at most 2**31, although they begin again after 2**32."""
    return (after - before + 2**31) % 2**32 - 2**31


_ARRIVED, _ENDS_FRAME = 1, 2
