"""The kernel's tables of a host, kept equal to the leases of the other hosts."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network

from emulator.netlink.changes import Changes
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState
from emulator.overlays.entries import KernelEntries
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease


class Tables(KernelEntries):
    """The entries of a backend in the kernel's tables, in the namespace of the process."""

    check_interval_s = 10.0
    """The interval at which flannel checks its routes (``routeCheck``)."""

    def __init__(self, backend: Backend, kernel: Handle, changes: Changes) -> None:
        super().__init__(kernel, changes)
        self._backend = backend
        self._subnet: IPv4Network | None = None
        self._entries: dict[Lease, list[Entry]] = {}

    def update(self, subnet: IPv4Network, peers: Sequence[Lease]) -> None:
        """Write the entries that lead to the current peers, and remove those that lead to former peers."""
        self._subnet = subnet
        before = self._entries
        self._entries = {peer: before.get(peer) or self._backend.entries(peer) for peer in peers}
        self.want(self._all())
        self._backend.set_peers(peers)

    def ensure_device(self, state: KernelState) -> None:
        """Make the backend's device, or mend it."""
        self._backend.ensure_device(state, self._subnet)

    def remove_device(self) -> None:
        """Remove the backend's device."""
        self._backend.remove_device()

    def owned(self, state: KernelState) -> list[Entry]:
        """Return the entries that are the backend's."""
        entries: list[Entry] = [*state.neighbours, *state.fdb, *state.tunnel_peers]
        entries += [route for route in state.routes if route.protocol != "kernel"]
        return [entry for entry in entries if self._backend.owns(entry)]

    def current(self) -> Sequence[Entry] | None:
        """Return the entries that lead to the peers now, because the way to a peer may have changed."""
        if self._subnet is None:
            return None
        self._entries = {peer: self._backend.entries(peer) for peer in self._entries}
        return self._all()

    def _all(self) -> list[Entry]:
        return self._backend.common_entries() + [entry for entries in self._entries.values() for entry in entries]
