"""TUN interfaces: a program reads the packets that the kernel routes to one, and writes those that arrive from it."""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator

from emulator.netlink import namespaces
from emulator.system.unshare import CLONE_NEWNET, unshare

TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI, _IFF_VNET_HDR = 0x1, 0x1000, 0x4000
_IFREQ = struct.Struct("16sH22x")


def open_tun(name: str, *, takes_runs: bool = False) -> int:
    """Make a TUN interface for IP packets, and return its non-blocking descriptor.

    The interface exists until the descriptor is closed. With ``takes_runs``, a ``struct virtio_net_hdr`` of 10 bytes
    precedes each packet, read or written. With it, the kernel takes a run of TCP's segments as one packet. Without
    ``takes_runs``, packets have no header.

    Raises:
        OSError: the kernel has no TUN interfaces, or refuses.
    """
    flags = _IFF_TUN | _IFF_NO_PI | (_IFF_VNET_HDR if takes_runs else 0)
    descriptor = os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(name.encode(), flags))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def lacks() -> Iterator[str]:
    """Try a TUN interface in a temporary namespace; yield a sentence for the user if the kernel makes none."""
    try:
        with namespaces.returning():
            unshare(CLONE_NEWNET)
            os.close(open_tun("try"))
    except OSError as error:
        yield f"{TUN} cannot be used ({error.strerror}): `modprobe tun`, or a guest kernel (`gtsdsl kernel build`)"
