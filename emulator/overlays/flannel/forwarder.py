"""The forwarder of flannel's backend `udp`: it wraps packets of a TUN interface in UDP datagrams and unwraps them.

It follows `pkg/backend/udp/proxy_amd64.c` of flannel 0.28. A datagram is an IP packet without a further header. Both
ends count as a hop: they decrement the time to live, and drop a packet silently when it reaches 0. A packet to an
unknown subnet gets an ICMP answer, `net unreachable`, unless it is ICMP itself or a later fragment.

System calls take most of the time in a guest, so packets are forwarded in batches: `emulator.overlays.datagrams` sends
and receives many datagrams by one call, and `emulator.overlays.flannel.segments` writes many segments by one call.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Network

from emulator.lab.log import log
from emulator.overlays.datagrams import MAX_RUN_BYTES, Address, Receiver, Sender, merge
from emulator.overlays.flannel.segments import PLAIN, VNET, frames

_IP = struct.Struct("!BBHHHBBH4s4s")
_ICMP = struct.Struct("!BBHI")
_TTL, _CHECKSUM = 8, 10
_FRAGMENT_OFFSET = 0x1FFF
_ICMP_PROTOCOL = 1
_UNREACHABLE, _NETWORK = 3, 0
_UNREACHABLE_TTL = 8
_QUOTED_BYTES = 8
_BATCH = 128
"""The most packets of the TUN interface that are sent together."""
_RUNS = 16
"""The most runs of datagrams that are received together."""


class Forwarder:
    """A forwarder between a TUN interface and a UDP socket."""

    def __init__(self, tun: int, tunnel: socket.socket, mtu_bytes: int, own_address: str) -> None:
        """``tun`` is the non-blocking descriptor of a TUN interface that takes runs.

        ICMP answers come from ``own_address``.
        """
        self._tun = tun
        self._tunnel = tunnel
        self._sender = Sender(tunnel)
        self._receiver = Receiver(tunnel, MAX_RUN_BYTES, _RUNS, is_merged=True)
        self._mtu_bytes = mtu_bytes
        self._own_address = socket.inet_aton(own_address)
        self._routes: Mapping[IPv4Network, Address] = {}
        self._cache: dict[bytes, Address | None] = {}
        """The results of `_route`, by the packets' destinations."""

    def set_routes(self, routes: Mapping[IPv4Network, Address]) -> None:
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
            for descriptor, _ in poll.poll():
                if descriptor == self._tun:
                    self._from_tun()
                else:
                    self._from_tunnel()

    def _from_tun(self) -> None:
        """Wrap the packets that the TUN interface has."""
        outgoing: list[tuple[bytes, Address | None]] = []
        with contextlib.suppress(BlockingIOError):
            while len(outgoing) < _BATCH:
                packet = bytearray(os.read(self._tun, VNET.size + self._mtu_bytes)[VNET.size :])
                if len(packet) < _IP.size or packet[0] >> 4 != 4:
                    continue
                route = self._route(bytes(packet[16:20]))
                if route is None:
                    if (answer := unreachable(packet, self._own_address)) is not None:
                        self._write(PLAIN + answer)
                elif lower_ttl(packet):
                    outgoing.append((bytes(packet), route))
        if outgoing:
            for run, error in self._sender.send(merge(outgoing)):  # no route to the host, or the packet is too large
                log(f"to {run.address}: {error.strerror}")

    def _from_tunnel(self) -> None:
        """Unwrap the datagrams that have arrived."""
        try:
            received = self._receiver.receive()
        except OSError:  # another host has answered a datagram with an ICMP message
            return
        for frame in frames([data for data, _ in received if len(data) >= _IP.size]):
            if lower_ttl(frame, VNET.size):
                self._write(frame)

    def _write(self, frame: bytes | bytearray) -> None:
        try:
            os.write(self._tun, frame)
        except OSError as error:
            log(f"to the TUN interface: {error.strerror}")

    def _route(self, address: bytes) -> Address | None:
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


def lower_ttl(frame: bytearray, at: int = 0) -> bool:
    """Decrement the time to live of the IP packet at an offset, and update its checksum; return False if it reaches 0.

    See RFC 1624.
    """
    ttl, checksum_at = at + _TTL, at + _CHECKSUM
    if frame[ttl] <= 1:
        return False
    frame[ttl] -= 1
    total = int.from_bytes(frame[checksum_at : checksum_at + 2], "big") + 0x100
    frame[checksum_at : checksum_at + 2] = (total + (total >> 16) & 0xFFFF).to_bytes(2, "big")
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
