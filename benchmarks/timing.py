"""The time to make a network and to release it, until the kernel has removed all of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink


class Timing(NamedTuple):
    """The seconds to start and to stop a network."""

    up_s: float
    down_s: float


@contextlib.contextmanager
def awaiting_removal() -> Iterator[Callable[[], float]]:
    """Yield a function that waits until the kernel has removed all released namespaces, and returns the seconds.

    The kernel removes namespaces later, many at once, in the order of their release. So the function releases one more
    namespace, with an interface whose other end is in a namespace that stays: when that end is gone, all is removed.
    """
    ((home, netlink),) = namespaces.create(1, lambda _: Netlink())

    def wait() -> float:
        began_s = time.monotonic()
        ((marker, other),) = namespaces.create(1, lambda _: Netlink())
        other.close()
        ends = (
            links.VethEnd(home, "here", 2, bytes((2, 0, 0, 0, 0, 1))),
            links.VethEnd(marker, "there", 2, bytes((2,) * 6)),
        )
        netlink.send([links.veth(*ends)])
        os.close(marker)
        while any(link.name == "here" for link in links.all_links(netlink)):
            time.sleep(0.002)
        return time.monotonic() - began_s

    try:
        yield wait
    finally:
        netlink.close()
        os.close(home)
