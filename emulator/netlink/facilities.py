"""Facilities that this kernel may lack, such as a kind of tunnel, and the command that loads each."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator

from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError, is_missing
from emulator.netlink.handle import Handle


def has_ipv6() -> bool:
    """Return whether this kernel has IPv6, which the parameter ``ipv6.disable=1`` and some builds leave out."""
    try:
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()
    except OSError:
        return False
    return True


def lacks(what: str, module: str, attempt: Callable[[Handle], None]) -> Iterator[str]:
    """Try a facility in a temporary namespace; yield a sentence for the user if the kernel has no ``what``.

    ``attempt`` is called with the thread in that namespace.

    Raises:
        EmulationError: the user may make no namespace, or the kernel refuses for another reason.
    """
    ((descriptor, _),) = namespaces.create(1, lambda _: None)
    try:
        with namespaces.entered(descriptor), Handle(descriptor) as kernel:
            attempt(kernel)
    except NetlinkError as error:
        if not is_missing(error):
            raise
        guest = "use a guest kernel (`gtsdsl kernel build`)"
        yield f"this kernel has no {what}: load it with `modprobe {module}`, or {guest}"
    finally:
        os.close(descriptor)
