"""The kernel's tables of a host, kept equal to the leases of the other hosts."""

from __future__ import annotations

import time
from collections.abc import Sequence
from ipaddress import IPv4Network

from emulator.lab.log import log
from emulator.netlink.changes import Changes
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, read_here
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease

_CHECK_S = 10.0
"""The interval at which flannel checks its routes (``routeCheck``)."""


class Tables:
    """The entries of a backend in the kernel's tables, in the namespace of the process."""

    def __init__(self, backend: Backend, kernel: Handle, changes: Changes) -> None:
        self._backend = backend
        self._kernel = kernel
        self._changes = changes
        self._subnet: IPv4Network | None = None
        self._entries: dict[Lease, list[Entry]] = {}
        self._must_compare = True
        """The kernel's tables were never read, or the kernel refused a change: the next look compares all."""
        self.next_check_s = time.monotonic() + _CHECK_S
        """The time of the next `check`, in the network's clock."""

    def update(self, subnet: IPv4Network, peers: Sequence[Lease]) -> None:
        """Write the entries that lead to the current peers, and remove those that lead to former peers.

        The first call reads the kernel's tables. Later calls only write the differences to the previous peers.
        """
        self._subnet = subnet
        before = self._entries
        self._entries = {peer: before.get(peer) or self._backend.entries(peer) for peer in peers}
        if self._must_compare:
            self._compare(subnet)
        else:
            self._write(
                [entry for peer, entries in before.items() if peer not in self._entries for entry in entries],
                [entry for peer, entries in self._entries.items() if peer not in before for entry in entries],
            )
        self._backend.set_peers(peers)

    def check(self) -> None:
        """Undo changes that others made in the kernel's tables since the last check, if the check is due."""
        if time.monotonic() >= self.next_check_s:
            self.next_check_s = time.monotonic() + _CHECK_S
            if (self._changes.seen() or self._must_compare) and self._subnet is not None:
                self._entries = {peer: self._backend.entries(peer) for peer in self._entries}
                self._compare(self._subnet)

    def clear(self) -> None:
        """Remove the backend's entries and its device."""
        for entry in self._owned_entries(read_here()):
            self._kernel.drop(entry)
        self._backend.remove_device()

    def _compare(self, subnet: IPv4Network) -> None:
        """Read the kernel's tables, and write their differences to the wanted entries."""
        self._must_compare = True
        state = read_here()
        try:
            self._backend.ensure_device(state, subnet)
        except NetlinkError as error:
            log(str(error))
            return
        self._must_compare = False
        wanted = self._backend.common_entries() + [entry for entries in self._entries.values() for entry in entries]
        present = self._owned_entries(state)
        self._write([it for it in present if it not in wanted], [it for it in wanted if it not in present])

    def _write(self, stale: Sequence[Entry], missing: Sequence[Entry]) -> None:
        # stale entries first: to drop a neighbour removes a new one with the same address, too
        for write, entries in ((self._kernel.drop, stale), (self._kernel.put, missing)):
            for entry in entries:
                try:
                    write(entry)
                except NetlinkError as error:  # a link went down meanwhile
                    log(str(error))
                    self._must_compare = True

    def _owned_entries(self, state: KernelState) -> list[Entry]:
        entries: list[Entry] = [*state.neighbours, *state.fdb, *state.tunnel_peers]
        entries += [route for route in state.routes if route.protocol != "kernel"]
        return [entry for entry in entries if self._backend.owns(entry)]
