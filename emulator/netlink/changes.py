"""What the kernel announces of a namespace to one question: has anything been changed since it was last asked?"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Self

from emulator.netlink.connection import NETLINK_ROUTE
from emulator.netlink.messages import HEADER

_RTMGRP_LINK, _RTMGRP_NEIGH, _RTMGRP_IPV4_IFADDR, _RTMGRP_IPV4_ROUTE = 0x1, 0x4, 0x10, 0x40
_GROUPS = _RTMGRP_LINK | _RTMGRP_NEIGH | _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV4_ROUTE
_RTM_NEWNEIGH = 28
_MESSAGE_BYTES = 2**16


class Changes:
    """It listens to the namespace that the thread is in when it is made; a context manager."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
        self._socket.setblocking(False)
        self._socket.bind((0, _GROUPS))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def seen(self) -> bool:
        """Whether links, addresses, routes or neighbours have changed since the last question.

        A neighbour that answers ARP is no change: that happens all the time. One that goes is.
        """
        found = False
        while True:
            try:
                data = self._socket.recv(_MESSAGE_BYTES)
            except BlockingIOError:
                return found
            except OSError:  # ENOBUFS: there was more than it could hold
                found = True
                continue
            offset = 0
            while offset + HEADER.size <= len(data):
                length, kind, *_ = HEADER.unpack_from(data, offset)
                found = found or kind != _RTM_NEWNEIGH
                offset += max(length + 3 & ~3, HEADER.size)
