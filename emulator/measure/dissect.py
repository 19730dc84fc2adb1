"""Frames to their headers: Ethernet, IP, UDP and TCP, and the headers of tunnels, down to the payload.

Formats: RFC 791 (IPv4), 8200 (IPv6), 2003 (IPIP), 4303 (ESP), 7348 (VXLAN), 8926 (GENEVE), and those of WireGuard,
Nebula and Weave's sleeve. A tunnel over UDP is known by its port, because its datagrams do not say what they are.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TypeAlias

UDP, TCP = 17, 6
_ICMP, _IPIP, _IPV6, _ESP = 1, 4, 41, 50
_ETHER_IPV4, _ETHER_IPV6, _ETHER_ARP, _ETHER_BRIDGED = 0x0800, 0x86DD, 0x0806, 0x6558
_VLANS = frozenset({0x8100, 0x88A8})
_ETHERNET = struct.Struct("!12xH")
_IPV4_HEADER = struct.Struct("!BxHHHxBxx4s4s")
_IPV6_HEADER = struct.Struct("!4xHB")
_MORE, _OFFSET = 0x2000, 0x1FFF
_ARP_BYTES, _IPV6_BYTES, _UDP_BYTES, _ICMP_BYTES, _ESP_BYTES, _VXLAN_BYTES = 28, 40, 8, 8, 8, 8
_WIREGUARD_BYTES = {1: 148, 2: 92, 3: 64, 4: 16}
"""The size of a header by the message's type: the two handshakes, a cookie, data."""
_WIREGUARD_DATA = b"\x04"
_NEBULA_BYTES, _TAG_BYTES = 16, 16
_NEBULA_MESSAGE = b"\x11\x00"
"""Version 1, type 1 (message), subtype 0."""
_SLEEVE_BYTES, _SLEEVE_FRAME_BYTES = 6, 14
_MOST_HEADERS = 64


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a frame: its name, such as ``VXLAN``, and its size."""

    name: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.name} {self.size_bytes}"


@dataclass(frozen=True, slots=True)
class Ip:
    """The contents of an IPv4 header. ``is_fragment`` is True for each fragment of a packet, the first one too."""

    source: str
    destination: str
    protocol: int
    identification: int
    is_fragment: bool


@dataclass(frozen=True, slots=True)
class Dissection:
    """The headers of a frame, from the outermost on.

    ``packets`` are its IPv4 headers. ``payload_bytes`` is the size of all that follows the headers. ``is_sealed`` says
    that this is encrypted data of a tunnel, in which further headers may be.
    """

    headers: tuple[Header, ...]
    packets: tuple[Ip, ...]
    payload_bytes: int
    is_sealed: bool

    @property
    def is_fragment(self) -> bool:
        """Whether the frame has a fragment of a packet, within a tunnel or without."""
        return any(packet.is_fragment for packet in self.packets)

    def __str__(self) -> str:
        rest = f"encrypted {self.payload_bytes}" if self.is_sealed else f"payload {self.payload_bytes}"
        return ", ".join([*map(str, self.headers), rest])


def dissect(frame: bytes) -> Dissection:
    """Return the headers of an Ethernet frame; what is cut off or unknown counts as payload."""
    found = _Found()
    _ethernet(found, frame)
    return Dissection(tuple(found.headers), tuple(found.packets), found.payload_bytes, found.is_sealed)


class _Found:
    """A dissection in the making."""

    def __init__(self) -> None:
        self.headers: list[Header] = []
        self.packets: list[Ip] = []
        self.payload_bytes = 0
        self.is_sealed = False

    def header(self, name: str, size_bytes: int, data: bytes) -> bytes | None:
        """Add the header that ``data`` begins with, and return what follows it; None if it is cut off or unknown."""
        if not 0 < size_bytes <= len(data) or len(self.headers) >= _MOST_HEADERS:
            self.payload_bytes += len(data)
            return None
        self.headers.append(Header(name, size_bytes))
        return data[size_bytes:]

    def rest(self, data: bytes) -> None:
        """Add what follows the last header."""
        self.payload_bytes += len(data)

    def sealed(self, data: bytes) -> None:
        """Add encrypted data."""
        self.payload_bytes += len(data)
        self.is_sealed = True


_Step: TypeAlias = Callable[[_Found, bytes], None]


def _ethernet(found: _Found, data: bytes) -> None:
    if (rest := found.header("Ethernet", _ETHERNET.size, data)) is None:
        return
    (kind,) = _ETHERNET.unpack_from(data)
    while kind in _VLANS and len(rest) >= 4:
        kind = int.from_bytes(rest[2:4])
        tagged = found.header("802.1Q", 4, rest)
        if tagged is None:
            return
        rest = tagged
    _BY_ETHERTYPE.get(kind, _Found.rest)(found, rest)


def _arp(found: _Found, data: bytes) -> None:
    if (rest := found.header("ARP", _ARP_BYTES, data)) is not None:
        found.rest(rest)


def _ipv4(found: _Found, data: bytes) -> None:
    if len(data) < _IPV4_HEADER.size or data[0] >> 4 != 4:
        found.rest(data)
        return
    first, total, identification, fragment, protocol, source, destination = _IPV4_HEADER.unpack_from(data)
    rest = found.header("IPv4", max(_IPV4_HEADER.size, (first & 15) * 4), data[:total])  # short frames are padded
    if rest is not None:
        ends = str(IPv4Address(source)), str(IPv4Address(destination))
        found.packets.append(Ip(*ends, protocol, identification, fragment & (_MORE | _OFFSET) != 0))
        step = _Found.rest if fragment & _OFFSET else _BY_PROTOCOL.get(protocol, _Found.rest)
        step(found, rest)


def _ipv6(found: _Found, data: bytes) -> None:
    if len(data) < _IPV6_BYTES or data[0] >> 4 != 6:
        found.rest(data)
        return
    length, protocol = _IPV6_HEADER.unpack_from(data)
    if (rest := found.header("IPv6", _IPV6_BYTES, data[: _IPV6_BYTES + length])) is not None:
        _BY_PROTOCOL.get(protocol, _Found.rest)(found, rest)


def _udp(found: _Found, data: bytes) -> None:
    if (rest := found.header("UDP", _UDP_BYTES, data)) is not None:
        ports = struct.unpack_from("!HH", data)
        step = _BY_PORT.get(ports[1]) or _BY_PORT.get(ports[0]) or _Found.rest
        step(found, rest)


def _tcp(found: _Found, data: bytes) -> None:
    size_bytes = (data[12] >> 4) * 4 if len(data) >= 20 else 20
    if (rest := found.header("TCP", max(20, size_bytes), data)) is not None:
        found.rest(rest)


def _icmp(found: _Found, data: bytes) -> None:
    if (rest := found.header("ICMP", _ICMP_BYTES, data)) is not None:
        found.rest(rest)


def _esp(found: _Found, data: bytes) -> None:
    if (rest := found.header("ESP", _ESP_BYTES, data)) is not None:
        found.sealed(rest)


def _vxlan(found: _Found, data: bytes) -> None:
    if (rest := found.header("VXLAN", _VXLAN_BYTES, data)) is not None:
        _ethernet(found, rest)


def _geneve(found: _Found, data: bytes) -> None:
    size_bytes = 8 + (data[0] & 0x3F) * 4 if data else 8
    if (rest := found.header("GENEVE", size_bytes, data)) is not None:
        _BY_ETHERTYPE.get(int.from_bytes(data[2:4]), _Found.rest)(found, rest)


def _wireguard(found: _Found, data: bytes) -> None:
    size_bytes = _WIREGUARD_BYTES.get(data[0] if data else 0, 0)
    if (rest := found.header("WireGuard", size_bytes, data)) is not None:
        # a packet of data without data is a keepalive
        (found.sealed if data[:1] == _WIREGUARD_DATA and len(rest) > _TAG_BYTES else found.rest)(rest)


def _nebula(found: _Found, data: bytes) -> None:
    if (rest := found.header("Nebula", _NEBULA_BYTES, data)) is not None:
        (found.sealed if data[:2] == _NEBULA_MESSAGE else found.rest)(rest)


def _sleeve(found: _Found, data: bytes) -> None:
    """Read the sender's name, and then each frame behind its own header; the lengths of encrypted ones do not fit."""
    rest = found.header("sleeve", _SLEEVE_BYTES, data)
    if rest is None:
        return
    at = [0]
    while at[-1] + _SLEEVE_FRAME_BYTES <= len(rest):
        start = at[-1] + _SLEEVE_FRAME_BYTES
        at.append(start + int.from_bytes(rest[start - 2 : start]))
    # the first fragment of a datagram ends within its only frame
    is_cut_off = len(at) == 2 and at[-1] > len(rest) and any(it.is_fragment for it in found.packets)
    if at[-1] != len(rest) and not is_cut_off:
        found.sealed(rest)
        return
    for begin, end in itertools.pairwise(at):
        frame = found.header("sleeve frame", _SLEEVE_FRAME_BYTES, rest[begin:end])
        if frame is not None:
            _ethernet(found, frame)


_BY_ETHERTYPE: Mapping[int, _Step] = {
    _ETHER_IPV4: _ipv4,
    _ETHER_IPV6: _ipv6,
    _ETHER_ARP: _arp,
    _ETHER_BRIDGED: _ethernet,
}
_BY_PROTOCOL: Mapping[int, _Step] = {
    UDP: _udp,
    TCP: _tcp,
    _ICMP: _icmp,
    _IPIP: _ipv4,
    _IPV6: _ipv6,
    _ESP: _esp,
}
_BY_PORT: Mapping[int, _Step] = {
    4789: _vxlan,  # IANA's
    8472: _vxlan,  # Flannel's
    6784: _vxlan,  # Weave's fast datapath
    6081: _geneve,
    51820: _wireguard,
    4242: _nebula,
    6783: _sleeve,
    8285: _ipv4,  # Flannel's backend udp
}
"""The tunnels over UDP, by the port of an end. It has the ports that the overlays use."""
