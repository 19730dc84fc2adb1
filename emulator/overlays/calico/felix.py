"""Felix's part: the kernel's entries for a host's containers, its blocks, and the blocks of other hosts."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from emulator.netlink.changes import Changes
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, Route, read_here
from emulator.overlays.calico.resources import Node
from emulator.overlays.calico.snapshot import Snapshot
from emulator.overlays.calico.tunnels import PROTOCOL, Tunnel
from emulator.overlays.entries import KernelEntries

INTERFACE_PREFIX = "cali"


def entries(snapshot: Snapshot, own: Node, tunnel: Tunnel | None) -> list[Entry]:
    """Return the entries that a host wants: to its containers, and, with a tunnel, to all blocks."""
    wanted: list[Entry] = [
        Route(f"{workload.address}/32", workload.interface, scope="link")
        for _, workload in sorted(snapshot.workloads.items())
        if workload.host == own.name and workload.interface.startswith(INTERFACE_PREFIX)
    ]
    if tunnel is None:
        return wanted
    wanted += [Route(str(block), None, protocol=PROTOCOL, type="blackhole") for block in snapshot.blocks_of(own.name)]
    for name, node in sorted(snapshot.nodes.items()):
        if name != own.name:
            wanted += tunnel.entries(node, snapshot.blocks_of(name))
    return wanted


class Dataplane(KernelEntries):
    """The kernel's entries of one host, for one process in the host's network namespace."""

    check_interval_s = 90.0
    """Felix's ``RouteRefreshInterval``."""

    def __init__(self, kernel: Handle, changes: Changes, tunnel: Tunnel | None) -> None:
        super().__init__(kernel, changes)
        self._tunnel = tunnel
        self._own: Node | None = None
        self._mtu_bytes = 0
        self._entries: Sequence[Entry] | None = None

    def update(self, own: Node, mtu_bytes: int, wanted: Sequence[Entry]) -> None:
        """Write the wanted entries that are missing, and remove former ones; ``own`` is the host's own node."""
        self._own, self._mtu_bytes, self._entries = own, mtu_bytes, wanted
        self.want(wanted)

    def ensure_device(self, state: KernelState) -> None:
        """Make the tunnel's device, or mend it."""
        if self._tunnel is not None and self._own is not None:
            self._tunnel.ensure_device(self.kernel, state, self._own, self._mtu_bytes)

    def remove_device(self) -> None:
        """Remove the tunnel's device, and the routes that BIRD has left."""
        for route in read_here().routes:
            if route.protocol == "bird":
                with contextlib.suppress(NetlinkError):  # it went with a circuit
                    self.kernel.drop(route)
        if self._tunnel is not None:
            self._tunnel.remove_device(self.kernel)

    def current(self) -> Sequence[Entry] | None:
        """Return the entries of the last update."""
        return self._entries

    def owned(self, state: KernelState) -> list[Entry]:
        """Return the routes with Felix's protocol or to containers, and the entries on the tunnel's device."""
        device = "" if self._tunnel is None else self._tunnel.device
        return [
            *(it for it in state.neighbours if it.interface == device),
            *(it for it in state.fdb if it.interface == device),
            *(it for it in state.routes if it.protocol == PROTOCOL or _is_to_workload(it)),
        ]


def _is_to_workload(route: Route) -> bool:
    is_felix = route.protocol not in {"kernel", "bird"}
    return is_felix and route.interface is not None and route.interface.startswith(INTERFACE_PREFIX)
