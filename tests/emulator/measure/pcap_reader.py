"""A small reader of pcap files, written from the format's description and not from the writer."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Packet:
    """A frame: when it was seen, its bytes, and how long it was."""

    time_ns: int
    frame: bytes
    length: int

    @property
    def echo(self) -> tuple[str, int] | None:
        """The kind of an ICMP echo, a request or a reply, and its sequence number."""
        if self.frame[12:14] != b"\x08\x00" or self.frame[23] != 1 or self.frame[34] not in {0, 8}:
            return None
        return ("request" if self.frame[34] == 8 else "reply"), struct.unpack_from("!H", self.frame, 40)[0]


def packets(path: Path) -> list[Packet]:
    """Return the packets in a file of Ethernet frames with time stamps in nanoseconds."""
    data = path.read_bytes()
    magic, major, minor, _, _, longest, kind = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, kind) == (0xA1B23C4D, 2, 4, 1)
    found, at = [], 24
    while at < len(data):
        seconds, nanoseconds, kept, length = struct.unpack_from("<IIII", data, at)
        assert nanoseconds < 10**9
        assert kept <= longest
        assert at + 16 + kept <= len(data)
        found.append(Packet(seconds * 10**9 + nanoseconds, data[at + 16 : at + 16 + kept], length))
        at += 16 + kept
    return found


def echoes(path: Path) -> list[tuple[str, int]]:
    """Return the ICMP echoes in a file, without the ARP packets before them."""
    return [packet.echo for packet in packets(path) if packet.echo is not None]
