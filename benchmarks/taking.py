"""How long it takes to make a network and to let go of it, until the kernel has removed the last of it."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink


class Taking(NamedTuple):
    """Seconds of bring-up and of take-down."""

    up_s: float
    down_s: float


@contextlib.contextmanager
def gone() -> Iterator[Callable[[], float]]:
    """A function that waits until all namespaces that were let go of are removed, and says how many seconds that took.

    The kernel removes namespaces later, in the order in which they were let go of, many at once. So one more is made
    and let go of, with an interface whose other end is here: when that is gone, so is all that was before it.
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
