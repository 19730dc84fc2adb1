"""The largest packet that a kernel sends to an address in one piece."""

from __future__ import annotations

import socket

from emulator.netlink import namespaces

_IP_MTU = 14  # of the C library; Python's socket module has no name for it
_ANY_PORT = 9


def path_mtu_bytes(namespace: int, target: str) -> int:
    """Return the size, in bytes, of the largest IP packet that the kernel sends from a namespace to an address.

    It is the MTU of the route's interface, or the path's MTU that the kernel has learnt. No packet is sent.

    Raises:
        OSError: no route leads to the address.
    """
    with namespaces.entered(namespace), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((target, _ANY_PORT))
        return probe.getsockopt(socket.IPPROTO_IP, _IP_MTU)
