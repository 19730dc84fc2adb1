"""The kernel's tables of a host, kept equal to the leases of the other hosts."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.netlink.changes import Changes
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState
from emulator.overlays.entries import KernelEntries
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network


class Tables(KernelEntries):
    """The entries of a backend in the kernel's tables, of each family, in the namespace of the process."""

    check_interval_s = 10.0
    """The interval at which flannel checks its routes (``routeCheck``)."""

    def __init__(self, backends: Sequence[Backend], kernel: Handle, changes: Changes) -> None:
        """``backends`` are that of IPv4, and that of IPv6 if the network has it."""
        super().__init__(kernel, changes)
        self._backends = backends
        self._subnets: Sequence[Network] = ()
        self._entries: dict[Lease, list[Entry]] = {}
        """The entries that lead to each half of a peer's lease."""

    def update(self, subnets: Sequence[Network], peers: Sequence[Lease]) -> None:
        """Write the entries that lead to the current peers, and remove those that lead to former peers.

        ``subnets`` are the host's own, one for each backend.
        """
        self._subnets = subnets
        before = self._entries
        self._entries = {
            half: before.get(half) or backend.entries(half)
            for peer in peers
            for backend, half in zip(self._backends, peer.halves, strict=False)
        }
        self.want(self._all())
        for backend in self._backends:
            backend.set_peers(peers)

    def ensure_device(self, state: KernelState) -> None:
        """Make the device of each backend, or mend it."""
        for number, backend in enumerate(self._backends):
            backend.ensure_device(state, self._subnets[number] if self._subnets else None)

    def remove_device(self) -> None:
        """Remove the device of each backend."""
        for backend in self._backends:
            backend.remove_device()

    def owned(self, state: KernelState) -> list[Entry]:
        """Return the entries that are the backends'."""
        entries: list[Entry] = [*state.neighbours, *state.fdb, *state.tunnel_peers]
        entries += [route for route in state.routes if route.protocol != "kernel"]
        return [entry for entry in entries if any(backend.owns(entry) for backend in self._backends)]

    def current(self) -> Sequence[Entry] | None:
        """Return the entries that lead to the peers now, because the way to a peer may have changed."""
        if not self._subnets:
            return None
        backend_of = {backend.host.network.version: backend for backend in self._backends}
        self._entries = {half: backend_of[half.subnet.version].entries(half) for half in self._entries}
        return self._all()

    def _all(self) -> list[Entry]:
        common = [entry for backend in self._backends for entry in backend.common_entries()]
        return common + [entry for entries in self._entries.values() for entry in entries]
