"""UDP datagrams by a raw socket: not fragmented, and with a checksum of 0, which means none (RFC 768)."""

from __future__ import annotations

import contextlib
import socket
import struct
from array import array

_IP_MTU_DISCOVER, _PMTUDISC_DO = 10, 2
_SO_ATTACH_FILTER = 26
_HEADER = struct.Struct("!HHHH")
_RETURN = 0x06
_DROP_ALL = array("B", struct.pack("HBBI", _RETURN, 0, 0, 0))
"""A socket filter of one instruction (`struct sock_filter`), which keeps 0 bytes of each packet."""


def open_raw(local: str, remote: str, port: int) -> socket.socket:
    """Return a raw socket that sends UDP datagrams from one address to a port of another, and receives nothing.

    Without its filter, the socket would hold copies of all datagrams that the other host sends.

    Raises:
        OSError: no route leads to the other host.
    """
    end = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_UDP)
    with contextlib.ExitStack() as stack:
        stack.callback(end.close)
        end.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _PMTUDISC_DO)
        end.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, _DROP_ALL.buffer_info()[0]))
        end.bind((local, 0))
        end.connect((remote, port))
        stack.pop_all()
    return end


def with_header(data: bytes, port: int) -> bytes:
    """Return a datagram with a UDP header, whose ports are both ``port``."""
    return _HEADER.pack(port, port, _HEADER.size + len(data), 0) + data
