"""A node's network namespace, as a lab holds it, and the interface indexes that are free in it."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.plan import Interface, Plan
from emulator.system.errors import EmulationError

_FALLBACK_TUNNELS = Path("/proc/sys/net/core/fb_tunnels_only_for_init_net")
"""The parameter that says where the kernel makes tunnels of its own; 0 is in each namespace, and the default."""


@dataclass(slots=True)
class Namespace:
    """A node's network namespace: the descriptor that holds it, and its next free interface index."""

    descriptor: int
    next_index: int

    def take_index(self, netlink: Netlink) -> int:
        """Return the next index that no interface has; overlays, programs and the kernel make interfaces too.

        ``netlink`` is a socket in the namespace. It asks for one index after the other, because a list of all
        interfaces takes long in the namespace that the switches share.
        """
        while links.has_index(netlink, self.next_index):
            self.next_index += 1
        self.next_index += 1
        return self.next_index - 1


def own_interfaces() -> int:
    """Return how many interfaces beside `lo` the kernel makes in each new namespace.

    A loaded module of tunnels (ipip, sit, gre, …) makes some, such as `tunl0`, which have the first indexes. Nobody can
    remove them or change their indexes. The number is 0 if the user may not make namespaces.
    """
    with contextlib.suppress(OSError):
        if _FALLBACK_TUNNELS.read_text().strip() != "0":
            return 0
    try:
        ((descriptor, netlink),) = namespaces.create(1, lambda _: Netlink())
    except EmulationError:
        return 0
    try:
        with netlink:
            return max(link.index for link in links.all_links(netlink)) - links.LOOPBACK_INDEX
    finally:
        os.close(descriptor)


def with_indexes_after(plan: Plan, number: int) -> Plan:
    """Return the plan of the same network with interface indexes that leave the first ``number`` after `lo` free."""

    def moved(end: Interface) -> Interface:
        return replace(end, index=end.index + number)

    if number == 0:
        return plan
    circuits = (replace(it, first=moved(it.first), second=moved(it.second)) for it in plan.circuits)
    return replace(plan, circuits=tuple(circuits))
