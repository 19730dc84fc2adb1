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


def entries(snapshot: Snapshot, own: Node, tunnels: Sequence[Tunnel]) -> list[Entry]:
    """Return the entries that a host wants: to its containers, and, with tunnels, to all blocks.

    ``tunnels`` has one for each family, or is empty.
    """
    wanted: list[Entry] = [
        route_to(network, workload.interface)
        for _, workload in sorted(snapshot.workloads.items())
        if workload.host == own.name and workload.interface.startswith(INTERFACE_PREFIX)
        for network in workload.networks[: len(own.families)]
    ]
    for tunnel in tunnels:
        blocks = snapshot.blocks_of(own.name, tunnel.family)
        wanted += [Route(str(block), None, protocol=PROTOCOL, type="blackhole") for block in blocks]
        for name, node in sorted(snapshot.nodes.items()):
            if name != own.name:
                for half in (it for it in node.families if is_of(it, tunnel.family)):
                    wanted += tunnel.entries(half, snapshot.blocks_of(name, tunnel.family))
    return wanted


def route_to(network: str, interface: str) -> Route:
    """Return the route to a container, by its address with its prefix length."""
    return Route(network, interface, scope="global" if ":" in network else "link")  # IPv6 has no scopes of routes


def is_of(node: Node, family: int) -> bool:
    """Return whether a node is as a family of addresses, 4 or 6, reaches it."""
    return (":" in node.address) is (family == 6)


class Dataplane(KernelEntries):
    """The kernel's entries of one host, for one process in the host's network namespace."""

    check_interval_s = 90.0
    """Felix's ``RouteRefreshInterval``."""

    def __init__(self, kernel: Handle, changes: Changes, tunnels: Sequence[Tunnel]) -> None:
        super().__init__(kernel, changes)
        self._tunnels = tunnels
        self._own: Node | None = None
        self._circuit_mtu_bytes = 0
        self._entries: Sequence[Entry] | None = None

    def update(self, own: Node, circuit_mtu_bytes: int, wanted: Sequence[Entry]) -> None:
        """Write the wanted entries that are missing, and remove former ones; ``own`` is the host's own node."""
        self._own, self._circuit_mtu_bytes, self._entries = own, circuit_mtu_bytes, wanted
        self.want(wanted)

    def ensure_device(self, state: KernelState) -> None:
        """Make the tunnels' devices, or mend them."""
        if self._own is not None:
            for tunnel, own in zip(self._tunnels, self._own.families, strict=False):  # BIRD's variants have none
                tunnel.ensure_device(self.kernel, state, own, self._circuit_mtu_bytes - tunnel.overhead_bytes)

    def remove_device(self) -> None:
        """Remove the tunnels' devices, and the routes that BIRD has left."""
        for route in read_here().routes:
            if route.protocol == "bird":
                with contextlib.suppress(NetlinkError):  # it went with a circuit
                    self.kernel.drop(route)
        for tunnel in self._tunnels:
            tunnel.remove_device(self.kernel)

    def current(self) -> Sequence[Entry] | None:
        """Return the entries of the last update."""
        return self._entries

    def owned(self, state: KernelState) -> list[Entry]:
        """Return the routes with Felix's protocol or to containers, and the entries on the tunnels' devices."""
        devices = {tunnel.device for tunnel in self._tunnels}
        return [
            *(it for it in state.neighbours if it.interface in devices),
            *(it for it in state.fdb if it.interface in devices),
            *(it for it in state.routes if it.protocol == PROTOCOL or _is_to_workload(it)),
        ]


def _is_to_workload(route: Route) -> bool:
    is_felix = route.protocol not in {"kernel", "bird"}
    return is_felix and route.interface is not None and route.interface.startswith(INTERFACE_PREFIX)
