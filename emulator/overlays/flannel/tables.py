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
        self._leads: dict[Lease, list[Entry]] = {}
        self._is_open = True
        """The kernel is still to be looked at, or has refused something, which is tried again at the next look."""
        self.check_s = time.monotonic() + _CHECK_S
        """When to `check` next, in the network's clock."""

    def settle(self, subnet: IPv4Network, peers: Sequence[Lease]) -> None:
        """Have what leads to these hosts, and nothing that leads to others.

        The kernel is looked at the first time only: while others come and go, it is told of them.
        """
        self._subnet = subnet
        before, self._leads = self._leads, {peer: self._leads.get(peer) or self._backend.reach(peer) for peer in peers}
        if self._is_open:
            self._mend(subnet)
        else:
            self._change(
                [entry for peer, entries in before.items() if peer not in self._leads for entry in entries],
                [entry for peer, entries in self._leads.items() if peer not in before for entry in entries],
            )
        self._backend.follow(peers)

    def check(self) -> None:
        """Mend what somebody else has changed since the last time, if it is time to look."""
        if time.monotonic() >= self.check_s:
            self.check_s = time.monotonic() + _CHECK_S
            if (self._changes.seen() or self._is_open) and self._subnet is not None:
                self._leads = {peer: self._backend.reach(peer) for peer in self._leads}
                self._mend(self._subnet)

    def clear(self) -> None:
        """Remove all that the backend has in the kernel."""
        for entry in self._owned(read_here()):
            self._kernel.drop(entry)
        self._backend.remove()

    def _mend(self, subnet: IPv4Network) -> None:
        """Compare the kernel's tables with what should be there."""
        self._is_open = True
        state = read_here()
        try:
            self._backend.ensure(state, subnet)
        except NetlinkError as error:
            say(str(error))
            return
        self._is_open = False
        wanted = self._backend.common() + [entry for entries in self._leads.values() for entry in entries]
        there = self._owned(state)
        self._change([it for it in there if it not in wanted], [it for it in wanted if it not in there])

    def _change(self, stale: Sequence[Entry], missing: Sequence[Entry]) -> None:
        # what is stale goes first: one of two neighbours with the same address would take the other along
        for write, entries in ((self._kernel.drop, stale), (self._kernel.put, missing)):
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
