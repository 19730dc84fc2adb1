"""The others' leases to the kernel's tables: what is missing is added, what is stale removed, what is right stays."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from ipaddress import IPv4Network

from emulator.netlink.changes import Changes
from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, read_here
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease

_CHECK_S = 10.0
"""So often flannel looks whether its routes are still there (``routeCheck``)."""


class Tables:
    """What a backend has in the kernel of the namespace that the process is in."""

    def __init__(self, backend: Backend, kernel: Handle, changes: Changes) -> None:
        self._backend = backend
        self._kernel = kernel
        self._changes = changes
        self._subnet: IPv4Network | None = None
        self._peers: tuple[Lease, ...] = ()
        self._is_open = False  # the kernel has refused something: it is tried again at the next look
        self.check_s = time.monotonic() + _CHECK_S
        """When to `check` next, in the network's clock."""

    def settle(self, subnet: IPv4Network, peers: Sequence[Lease]) -> None:
        """Have what leads to these hosts, and nothing that leads to others."""
        self._subnet, self._peers = subnet, tuple(peers)
        self._settle()

    def check(self) -> None:
        """Mend what somebody else has changed since the last time, if it is time to look."""
        if time.monotonic() >= self.check_s:
            self.check_s = time.monotonic() + _CHECK_S
            if (self._changes.seen() or self._is_open) and self._subnet is not None:
                self._settle()

    def clear(self) -> None:
        """Remove all that the backend has in the kernel."""
        for entry in self._owned(read_here()):
            self._kernel.drop(entry)
        self._backend.remove()

    def _settle(self) -> None:
        self._is_open = True
        state = read_here()
        try:
            self._backend.ensure(state, self._subnet)
        except NetlinkError as error:
            say(str(error))
            return
        self._is_open = False
        wanted, there = self._backend.reach(self._peers), self._owned(state)
        # what is stale goes first: one of two neighbours with the same address would take the other along
        for write, entries in (
            (self._kernel.drop, [entry for entry in there if entry not in wanted]),
            (self._kernel.put, [entry for entry in wanted if entry not in there]),
        ):
            for entry in entries:
                try:
                    write(entry)
                except NetlinkError as error:  # a link went down meanwhile
                    say(str(error))
                    self._is_open = True

    def _owned(self, state: KernelState) -> list[Entry]:
        entries: list[Entry] = [*state.neighbours, *state.fdb, *state.tunnel_peers]
        entries += [route for route in state.routes if route.protocol != "kernel"]
        return [entry for entry in entries if self._backend.owns(entry)]


def say(what: str) -> None:
    """A line for the agent's log, with the network's time."""
    print(f"[{time.monotonic():.3f}] {what}", file=sys.stderr, flush=True)
