"""Echoes by ICMP between two addresses, from a socket in a network namespace: round trips, and what arrives when.

Times are the kernel's own time stamps, taken before any other program, as a switch's, has its turn with the packet.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator

from emulator.netlink import namespaces
from emulator.system.closing import Closing
from emulator.system.poll import readable

PAYLOAD_BYTES = 56
ETHERNET_BYTES, _IP_BYTES, _ICMP_BYTES = 14, 20, 8
FRAME_BYTES = ETHERNET_BYTES + _IP_BYTES + _ICMP_BYTES + PAYLOAD_BYTES
"""What an echo has on the way, either way: netem counts the Ethernet header, but neither preamble nor checksum."""

SO_TIMESTAMPNS = 35
_ECHO = struct.Struct("!BBHHH")
_ECHO_REQUEST, _ECHO_REPLY = 8, 0
_TIMESPEC = struct.Struct("=qq")


class Echo(Closing):
    """Echo requests from an address to others; a context manager."""

    def __init__(self, namespace: int, source: str, interface: str | None = None) -> None:
        """``namespace`` is a descriptor. With ``interface``, they leave by it and no other, whatever the routes say.

        Raises:
            OSError: the socket is refused.
        """
        with namespaces.entered(namespace):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
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
        """The socket's descriptor, which is readable when something has come."""
        return self._socket.fileno()

    def send(self, target: str, number: int) -> bool:
        """Send a request; whether the kernel took it: there may be no route, or an interface may be down."""
        try:
            self._socket.sendto(_packet(_ECHO_REQUEST, self._identifier, number & 0xFFFF), (target, 0))
        except OSError:
            return False
        return True

    def replies(self, began_ns: int, patience_s: float) -> Iterator[tuple[str, int, int]]:
        """The replies that come until patience ends: from where, to which number, and when the kernel received it."""
        for data, sender, came_ns in arrivals(self._socket, began_ns, patience_s):
            kind, _, _, identifier, sequence = _ECHO.unpack_from(data, (data[0] & 15) * 4)
            if (kind, identifier) == (_ECHO_REPLY, self._identifier):
                yield str(sender[0]), sequence, came_ns

    def answered(self) -> Iterator[str]:
        """The addresses whose replies have come by now."""
        while readable([self.fileno()], 0):
            data, (sender, _) = self._socket.recvfrom(2048)
            if data[(data[0] & 15) * 4] == _ECHO_REPLY:
                yield str(sender)

    def round_trip_ns(self, target: str, number: int, patience_s: float) -> int | None:
        """The time until an echo's reply; None if it is lost."""
        began_ns = time.time_ns()
        if self.send(target, number):
            for _, sequence, came_ns in self.replies(began_ns, patience_s):
                if sequence == number & 0xFFFF:
                    return came_ns - began_ns
        return None


def arrivals(end: socket.socket, began_ns: int, patience_s: float) -> Iterator[tuple[bytes, tuple[object, ...], int]]:
    """What comes in until patience ends: the data, its sender, and when the kernel received it."""
    deadline_ns = began_ns + int(patience_s * 1e9)
    while (left_s := (deadline_ns - time.time_ns()) / 1e9) > 0 and readable([end.fileno()], left_s):
        try:
            data, ancillary, _, sender = end.recvmsg(2048, 64)
        except OSError:  # its interface is down, or has gone
            return
        stamps = [_TIMESPEC.unpack(value) for _, kind, value in ancillary if kind == SO_TIMESTAMPNS]
        came_ns = stamps[0][0] * 10**9 + stamps[0][1] if stamps else time.time_ns()
        yield data, sender, came_ns


def _packet(kind: int, identifier: int, sequence: int) -> bytes:
    payload = bytes(PAYLOAD_BYTES)
    header = _ECHO.pack(kind, 0, 0, identifier, sequence)
    total = sum(struct.unpack(f"!{(len(header) + PAYLOAD_BYTES) // 2}H", header + payload))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return _ECHO.pack(kind, 0, ~total & 0xFFFF, identifier, sequence) + payload
