"""Felix's part: the kernel's entries for a host's containers, its blocks, and the blocks of other hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence

from emulator.lab.log import log
from emulator.netlink.changes import Changes
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, Route, read_here
from emulator.overlays.calico.resources import Node
from emulator.overlays.calico.snapshot import Snapshot
from emulator.overlays.calico.tunnels import PROTOCOL, Tunnel

INTERFACE_PREFIX = "cali"
_CHECK_S = 90.0
"""The interval of the checks, as Felix's ``RouteRefreshInterval``."""


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


class Dataplane:
    """The kernel's entries of one host, for one process in the host's network namespace."""

    def __init__(self, kernel: Handle, changes: Changes, tunnel: Tunnel | None) -> None:
        self._kernel = kernel
        self._changes = changes
        self._tunnel = tunnel
        self._own: Node | None = None
        self._mtu_bytes = 0
        self._entries: list[Entry] = []
        self._must_compare = True
        """Whether a write failed, so that the next look compares all."""
        self.next_check_s = time.monotonic() + _CHECK_S
        """The time of the next `check`, in the network's clock."""

    def update(self, own: Node, mtu_bytes: int, wanted: Sequence[Entry]) -> None:
        """Write the wanted entries that are missing, and remove former ones.

        The first call reads the kernel's tables. Later calls only write the differences to the previous call.
        """
        before, self._entries, self._own, self._mtu_bytes = self._entries, list(wanted), own, mtu_bytes
        if self._must_compare:
            self._compare(own)
        else:
            known, now = set(before), set(wanted)
            self._write([it for it in before if it not in now], [it for it in wanted if it not in known])

    def check(self) -> None:
        """Undo changes that others made since the last check, if the check is due."""
        if time.monotonic() >= self.next_check_s:
            self.next_check_s = time.monotonic() + _CHECK_S
            if (self._changes.seen() or self._must_compare) and self._own is not None:
                self._compare(self._own)

    def clear(self) -> None:
        """Remove all entries, those that BIRD left, and the tunnel's device."""
        state = read_here()
        for entry in [*self._owned(state), *(route for route in state.routes if route.protocol == "bird")]:
            self._drop(entry)
        if self._tunnel is not None:
            self._tunnel.remove_device(self._kernel)

    def _compare(self, own: Node) -> None:
        self._must_compare = True
        state = read_here()
        try:
            if self._tunnel is not None:
                self._tunnel.ensure_device(self._kernel, state, own, self._mtu_bytes)
        except NetlinkError as error:
            log(str(error))
            return
        self._must_compare = False
        present, wanted = self._owned(state), self._entries
        self._write([it for it in present if it not in wanted], [it for it in wanted if it not in present])

    def _write(self, stale: Sequence[Entry], missing: Sequence[Entry]) -> None:
        for entry in stale:  # first: to drop a neighbour removes a new one with the same address, too
            self._drop(entry)
        for entry in missing:
            try:
                self._kernel.put(entry)
            except NetlinkError as error:  # the interface of a container that has ended
                log(str(error))
                self._must_compare = True

    def _drop(self, entry: Entry) -> None:
        try:
            self._kernel.drop(entry)
        except NetlinkError:  # it went with its interface
            self._must_compare = True

    def _owned(self, state: KernelState) -> list[Entry]:
        device = "" if self._tunnel is None else self._tunnel.device
        return [
            *(it for it in state.neighbours if it.interface == device),
            *(it for it in state.fdb if it.interface == device),
            *(it for it in state.routes if it.protocol == PROTOCOL or _is_to_workload(it)),
        ]


def _is_to_workload(route: Route) -> bool:
    is_felix = route.protocol not in {"kernel", "bird"}
    return is_felix and route.interface is not None and route.interface.startswith(INTERFACE_PREFIX)
