"""Packets of a TUN interface to UDP datagrams to other hosts, and back: the proxy of flannel's backend `udp`.

As in `pkg/backend/udp/proxy_amd64.c` of flannel 0.28. A datagram is an IP packet and nothing else. Both ends count as a
hop: they lower its time to live, and drop it when that is used up, without a word. A packet to no known subnet is
answered by an ICMP message, `net unreachable`.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import sys
from collections.abc import Mapping
from ipaddress import IPv4Network

_IP = struct.Struct("!BBHHHBBH4s4s")
_ICMP = struct.Struct("!BBHI")
_TTL, _CHECKSUM = 8, 10
_FRAGMENT_OFFSET = 0x1FFF
_ICMP_PROTOCOL = 1
_UNREACHABLE, _NETWORK = 3, 0
_UNREACHABLE_TTL = 8
_QUOTED_BYTES = 8


class Forwarder:
    """It forwards from `run` on, until its process ends."""

    def __init__(self, tun: int, end: socket.socket, mtu_bytes: int, own_address: str) -> None:
        """``tun`` is a TUN interface's descriptor, which must not block. ``own_address`` is what it speaks from."""
        self._tun = tun
        self._end = end
        self._end.setblocking(False)
        self._mtu_bytes = mtu_bytes
        self._own_address = socket.inet_aton(own_address)
        self._ways: Mapping[IPv4Network, tuple[str, int]] = {}
        self._way_to: dict[bytes, tuple[str, int] | None] = {}

    def learn(self, ways: Mapping[IPv4Network, tuple[str, int]]) -> None:
        """Where packets to each subnet go from now on. It may be called from another thread."""
        self._ways = dict(ways)
        self._way_to = {}

    def run(self) -> None:
        """Forward for ever."""
        poll = select.poll()
        poll.register(self._tun, select.POLLIN)
        poll.register(self._end, select.POLLIN)
        while True:
            poll.poll()
            while self._from_tun() | self._from_network():
                pass

    def _from_tun(self) -> bool:
        """Forward one packet of the TUN interface's; whether there was one."""
        try:
            packet = bytearray(os.read(self._tun, self._mtu_bytes))
        except BlockingIOError:
            return False
        if len(packet) < _IP.size or packet[0] >> 4 != 4:
            return True
        way = self._way(bytes(packet[16:20]))
        if way is None:
            if (answer := unreachable(packet, self._own_address)) is not None:
                self._write(answer)
        elif lower_ttl(packet):
            try:
                self._end.sendto(packet, way)
            except OSError as error:  # no route to it now, or too large for the way
                print(f"to {way[0]}:{way[1]}: {error.strerror}", file=sys.stderr, flush=True)
        return True

    def _from_network(self) -> bool:
        """Forward one datagram; whether there was one."""
        try:
            packet = bytearray(self._end.recv(self._mtu_bytes))
        except BlockingIOError:
            return False
        except OSError:  # what another host's ICMP message says of a packet of ours
            return True
        if len(packet) >= _IP.size and lower_ttl(packet):
            self._write(packet)
        return True

    def _write(self, packet: bytes | bytearray) -> None:
        try:
            os.write(self._tun, packet)
        except OSError as error:
            print(f"to the TUN interface: {error.strerror}", file=sys.stderr, flush=True)

    def _way(self, address: bytes) -> tuple[str, int] | None:
        known = self._way_to
        if address not in known:
            number = int.from_bytes(address, "big")
            known[address] = next(
                (
                    way
                    for subnet, way in self._ways.items()
                    if number & int(subnet.netmask) == int(subnet.network_address)
                ),
                None,
            )
        return known[address]


def lower_ttl(packet: bytearray) -> bool:
    """Lower an IP packet's time to live, and mend its checksum (RFC 1624); false if it is used up."""
    if packet[_TTL] <= 1:
        return False
    packet[_TTL] -= 1
    total = int.from_bytes(packet[_CHECKSUM : _CHECKSUM + 2], "big") + 0x100
    packet[_CHECKSUM : _CHECKSUM + 2] = (total + (total >> 16) & 0xFFFF).to_bytes(2, "big")
    return True


def unreachable(packet: bytes | bytearray, own_address: bytes) -> bytes | None:
    """The answer to a packet that goes nowhere; None where none may be: to ICMP, and to later fragments (RFC 792)."""
    header_bytes = (packet[0] & 15) * 4
    fragment = int.from_bytes(packet[6:8], "big") & _FRAGMENT_OFFSET
    if packet[9] == _ICMP_PROTOCOL or fragment or header_bytes < _IP.size:
        return None
    quoted = bytes(packet[: header_bytes + _QUOTED_BYTES]).ljust(header_bytes + _QUOTED_BYTES, b"\0")
    message = _ICMP.pack(_UNREACHABLE, _NETWORK, 0, 0) + quoted
    message = _ICMP.pack(_UNREACHABLE, _NETWORK, checksum(message), 0) + quoted
    fields = (0x45, 0, _IP.size + len(message), 0, 0, _UNREACHABLE_TTL, _ICMP_PROTOCOL)
    target = bytes(packet[12:16])
    header = _IP.pack(*fields, checksum(_IP.pack(*fields, 0, own_address, target)), own_address, target)
    return header + message


def checksum(data: bytes) -> int:
    """The Internet's checksum (RFC 1071) of data of an even length."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
