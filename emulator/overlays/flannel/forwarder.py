"""The forwarder of flannel's backend `udp`: it wraps packets of a TUN interface in UDP datagrams and unwraps them.

It follows `pkg/backend/udp/proxy_amd64.c` of flannel 0.28. A datagram is an IP packet without a further header. Both
ends count as a hop: they decrement the time to live, and drop a packet silently when it reaches 0. A packet to an
unknown subnet gets an ICMP answer, `net unreachable`, unless it is ICMP itself or a later fragment.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Network

from emulator.lab.log import log

_IP = struct.Struct("!BBHHHBBH4s4s")
_ICMP = struct.Struct("!BBHI")
_TTL, _CHECKSUM = 8, 10
_FRAGMENT_OFFSET = 0x1FFF
_ICMP_PROTOCOL = 1
_UNREACHABLE, _NETWORK = 3, 0
_UNREACHABLE_TTL = 8
_QUOTED_BYTES = 8


class Forwarder:
    """A forwarder between a TUN interface and a UDP socket."""

    def __init__(self, tun: int, tunnel: socket.socket, mtu_bytes: int, own_address: str) -> None:
        """``tun`` is the non-blocking descriptor of a TUN interface; ICMP answers come from ``own_address``."""
        self._tun = tun
        self._tunnel = tunnel
        self._tunnel.setblocking(False)
        self._mtu_bytes = mtu_bytes
        self._own_address = socket.inet_aton(own_address)
        self._routes: Mapping[IPv4Network, tuple[str, int]] = {}
        self._cache: dict[bytes, tuple[str, int] | None] = {}
        """The results of `_route`, by the packets' destinations."""

    def set_routes(self, routes: Mapping[IPv4Network, tuple[str, int]]) -> None:
        """Set the host's address and port that packets to each subnet go to; another thread may call this."""
        self._routes = dict(routes)
        self._cache = {}

    def run(self) -> None:
        """Forward without end.

        Raises:
            OSError: the TUN interface is gone.
        """
        poll = select.poll()
        poll.register(self._tun, select.POLLIN)
        poll.register(self._tunnel, select.POLLIN)
        while True:
            poll.poll()
            while self._from_tun() | self._from_tunnel():
                pass

    def _from_tun(self) -> bool:
        """Wrap a packet of the TUN interface, and return whether there was one."""
        try:
            packet = bytearray(os.read(self._tun, self._mtu_bytes))
        except BlockingIOError:
            return False
        if len(packet) < _IP.size or packet[0] >> 4 != 4:
            return True
        route = self._route(bytes(packet[16:20]))
        if route is None:
            if (answer := unreachable(packet, self._own_address)) is not None:
                self._write(answer)
        elif lower_ttl(packet):
            try:
                self._tunnel.sendto(packet, route)
            except OSError as error:  # no route to the host now, or the packet is too large
                log(f"to {route[0]}:{route[1]}: {error.strerror}")
        return True

    def _from_tunnel(self) -> bool:
        """Unwrap a datagram, and return whether there was one."""
        try:
            packet = bytearray(self._tunnel.recv(self._mtu_bytes))
        except BlockingIOError:
            return False
        except OSError:  # another host has answered a datagram with an ICMP message
            return True
        if len(packet) >= _IP.size and lower_ttl(packet):
            self._write(packet)
        return True

    def _write(self, packet: bytes | bytearray) -> None:
        try:
            os.write(self._tun, packet)
        except OSError as error:
            log(f"to the TUN interface: {error.strerror}")

    def _route(self, address: bytes) -> tuple[str, int] | None:
        cache = self._cache  # `set_routes` may replace it meanwhile
        if address not in cache:
            number = int.from_bytes(address, "big")
            cache[address] = next(
                (
                    route
                    for subnet, route in self._routes.items()
                    if number & int(subnet.netmask) == int(subnet.network_address)
                ),
                None,
            )
        return cache[address]


def lower_ttl(packet: bytearray) -> bool:
    """Decrement an IP packet's time to live and update its checksum (RFC 1624); return False if it reaches 0."""
    if packet[_TTL] <= 1:
        return False
    packet[_TTL] -= 1
    total = int.from_bytes(packet[_CHECKSUM : _CHECKSUM + 2], "big") + 0x100
    packet[_CHECKSUM : _CHECKSUM + 2] = (total + (total >> 16) & 0xFFFF).to_bytes(2, "big")
    return True


def unreachable(packet: bytes | bytearray, own_address: bytes) -> bytes | None:
    """Return the ICMP answer to an undeliverable packet; None for ICMP packets and later fragments (RFC 792)."""
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
    """Return the Internet checksum (RFC 1071) of an even number of bytes."""
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
