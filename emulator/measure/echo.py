"""ICMP echoes between two addresses of one family, from a socket in a namespace: round-trip times and arrivals.

Times are the kernel's own time stamps. The kernel takes them before any other program, such as a switch, runs with the
packet.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator

from emulator.netlink import namespaces
from emulator.system.closing import Closing
from emulator.system.poll import readable

PAYLOAD_BYTES = 56
ETHERNET_BYTES, _IP_BYTES, _IPV6_BYTES, _ICMP_BYTES = 14, 20, 40, 8
FRAME_BYTES = ETHERNET_BYTES + _IP_BYTES + _ICMP_BYTES + PAYLOAD_BYTES
"""The size of an echo on a circuit, in each direction. netem counts the Ethernet header, not preamble and checksum."""
IPV6_FRAME_BYTES = ETHERNET_BYTES + _IPV6_BYTES + _ICMP_BYTES + PAYLOAD_BYTES
"""The size of an echo by IPv6."""


def frames_bytes(packet_bytes: int, mtu_bytes: int) -> int:
    """Return the size of all frames in which an IPv4 packet passes a circuit: one, or the parts of the packet."""
    if packet_bytes <= mtu_bytes:
        return ETHERNET_BYTES + packet_bytes
    payload_bytes, most = packet_bytes - _IP_BYTES, (mtu_bytes - _IP_BYTES) & ~7  # RFC 791, section 3.2
    parts = -(-payload_bytes // most)
    return payload_bytes + parts * (ETHERNET_BYTES + _IP_BYTES)


SO_TIMESTAMPNS = 35
_ECHO = struct.Struct("!BBHHH")
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_IPV6_ECHO_REQUEST, _IPV6_ECHO_REPLY = 128, 129
_TIMESPEC = struct.Struct("=qq")


class Echo(Closing):
    """A sender of ICMP echo requests from one address, of either family; a context manager."""

    def __init__(self, namespace: int, source: str, interface: str | None = None) -> None:
        """Open the socket in a network namespace, by its descriptor.

        With ``interface``, requests leave by it, whatever the routes say.

        Raises:
            OSError: the kernel refuses the socket.
        """
        self._is_ipv6 = ":" in source
        self._request, self._reply = _ECHO_REQUEST, _ECHO_REPLY
        family, protocol = socket.AF_INET, socket.IPPROTO_ICMP
        if self._is_ipv6:
            self._request, self._reply = _IPV6_ECHO_REQUEST, _IPV6_ECHO_REPLY
            family, protocol = socket.AF_INET6, socket.IPPROTO_ICMPV6
        with namespaces.entered(namespace):
            self._socket = socket.socket(family, socket.SOCK_RAW, protocol)
        try:
            if interface is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode() + b"\0")
            self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._socket.bind((source, 0))
        except OSError:
            self._socket.close()
            raise
        self._identifier = os.getpid() & 0xFFFF

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def fileno(self) -> int:
        """Return the socket's descriptor, which is readable when a packet has arrived."""
        return self._socket.fileno()

    def send(self, target: str, number: int) -> bool:
        """Send a request, and return whether the kernel accepted it.

        The kernel refuses when no route leads to the target or an interface is down.
        """
        try:
            self._socket.sendto(_packet(self._request, self._identifier, number & 0xFFFF), (target, 0))
        except OSError:
            return False
        return True

    def replies(self, began_ns: int, patience_s: float) -> Iterator[tuple[str, int, int]]:
        """Yield the replies that arrive within ``patience_s`` after ``began_ns``.

        Each is its sender's address, its number, and the time when the kernel received it, in nanoseconds.
        """
        for data, sender, arrived_ns in arrivals(self._socket, began_ns, patience_s):
            kind, _, _, identifier, sequence = self._parts(data)
            if (kind, identifier) == (self._reply, self._identifier):
                yield str(sender[0]), sequence, arrived_ns

    def request_arrived_ns(self, number: int, began_ns: int, patience_s: float) -> int | None:
        """Return when the kernel received a request of this process, by its number; None if it does not arrive.

        This is for the far end of a path: a raw socket gets the requests that the kernel answers.
        """
        for data, _, arrived_ns in arrivals(self._socket, began_ns, patience_s):
            kind, _, _, identifier, sequence = self._parts(data)
            if (kind, identifier, sequence) == (self._request, self._identifier, number & 0xFFFF):
                return arrived_ns
        return None

    def answered(self) -> Iterator[str]:
        """Yield the addresses whose replies have arrived, without waiting."""
        while readable([self.fileno()], 0):
            data, (sender, *_) = self._socket.recvfrom(2048)
            if self._parts(data)[0] == self._reply:
                yield str(sender)

    def round_trip_ns(self, target: str, number: int, patience_s: float) -> int | None:
        """Send a request and return the time until its reply; None if no reply arrives within ``patience_s``."""
        began_ns = time.time_ns()
        if self.send(target, number):
            for _, sequence, arrived_ns in self.replies(began_ns, patience_s):
                if sequence == number & 0xFFFF:
                    return arrived_ns - began_ns
        return None

    def _parts(self, data: bytes) -> tuple[int, int, int, int, int]:
        """Return the fields of an echo's header; an IPv4 socket gives packets with their IP header, an IPv6 one not."""
        parts: tuple[int, int, int, int, int] = _ECHO.unpack_from(data, 0 if self._is_ipv6 else (data[0] & 15) * 4)
        return parts


def samples_us(round_trip_ns: Callable[[int], int | None], count: int, warm_up: int) -> tuple[float, ...]:
    """Return the times of ``count`` round trips, one after the other, without those that were lost.

    ``round_trip_ns`` makes one, by its number; it returns None for one that is lost. ``warm_up`` more go first, so that
    no measured one waits until the kernel has found the neighbours.
    """
    times = [round_trip_ns(number) for number in range(warm_up + count)]
    return tuple(time_ns / 1000 for time_ns in times[warm_up:] if time_ns is not None)


def arrivals(end: socket.socket, began_ns: int, patience_s: float) -> Iterator[tuple[bytes, tuple[object, ...], int]]:
    """Yield the packets that arrive at a socket within ``patience_s`` after ``began_ns``.

    Each is its data, its sender, and the time when the kernel received it, in nanoseconds.
    """
    deadline_ns = began_ns + int(patience_s * 1e9)
    while (left_s := (deadline_ns - time.time_ns()) / 1e9) > 0 and readable([end.fileno()], left_s):
        try:
            data, ancillary, _, sender = end.recvmsg(2048, 64)
        except OSError:  # the interface is down or removed
            return
        yield data, sender, arrived_ns(ancillary)


def arrived_ns(ancillary: Iterable[tuple[int, int, bytes]]) -> int:
    """Return when the kernel received a packet, in nanoseconds since 1970, from the packet's ancillary data.

    The socket must have `SO_TIMESTAMPNS`; for a packet from before that option, it is the present time.
    """
    for _, kind, value in ancillary:
        if kind == SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack(value)
            return int(seconds) * 10**9 + int(nanoseconds)
    return time.time_ns()


def _packet(kind: int, identifier: int, sequence: int) -> bytes:
    """Return an echo with its checksum, which the kernel computes again for IPv6."""
    payload = bytes(PAYLOAD_BYTES)
    header = _ECHO.pack(kind, 0, 0, identifier, sequence)
    total = sum(struct.unpack(f"!{(len(header) + PAYLOAD_BYTES) // 2}H", header + payload))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return _ECHO.pack(kind, 0, ~total & 0xFFFF, identifier, sequence) + payload
