"""Changes of a namespace: whether its links, addresses, routes or neighbours have changed since the last look."""

from __future__ import annotations

import socket

from emulator.netlink.connection import NETLINK_ROUTE
from emulator.netlink.messages import HEADER
from emulator.system.closing import Closing

_RTMGRP_LINK, _RTMGRP_NEIGH = 0x1, 0x4
_RTMGRP_IPV4_IFADDR, _RTMGRP_IPV4_ROUTE = 0x10, 0x40
_RTMGRP_IPV6_IFADDR, _RTMGRP_IPV6_ROUTE = 0x100, 0x400
_GROUPS = _RTMGRP_LINK | _RTMGRP_NEIGH | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV4_ROUTE
_GROUPS |= _RTMGRP_IPV6_IFADDR | _RTMGRP_IPV6_ROUTE
_RTM_NEWNEIGH = 28
_MESSAGE_BYTES = 2**16


class Changes(Closing):
    """A listener for the kernel's netlink notifications in the calling thread's namespace; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.bind((0, _GROUPS))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def seen(self) -> bool:
        """Return whether links, addresses, routes or neighbours have changed since the last call.

        A neighbour that answers ARP is no change, because that happens all the time. A neighbour that goes is one.
        """
        found = False
        while True:
            try:
                data = self._socket.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return found
            except OSError:  # ENOBUFS: the kernel announced more than the socket could hold
                found = True
                continue
            offset = 0
            while offset + HEADER.size <= len(data):
                length, kind, *_ = HEADER.unpack_from(data, offset)
                found = found or kind != _RTM_NEWNEIGH
                offset += max(length + 3 & ~3, HEADER.size)
