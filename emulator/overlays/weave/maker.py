"""The maker of a router's connections: to the hosts that it is told, and to the peers that gossip names.

It follows `connection_maker.go` of Weave's library `mesh`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.overlays.weave.connection import TcpConnection
from emulator.overlays.weave.forwarder import PORT, PeerName
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.peers import Peer

_FIRST_INTERVAL_S, _LONGEST_INTERVAL_S = 2.0, 360.0
_GROWTH = 1.5
_RESET_AFTER_S = 60.0
"""A connection that has lasted longer than this since its attempt is tried again at once."""


@dataclass(slots=True)
class Target:
    """An address to connect to.

    ``state`` is ``waiting``, ``attempting``, ``connected``, or ``suspended`` while the address needs no connection.
    """

    state: str
    try_after_ns: int
    interval_s: float = _FIRST_INTERVAL_S
    last_error: str = ""


class Maker:
    """The addresses to connect to, and the attempts. ``told`` are the addresses that the router is told."""

    def __init__(
        self, loop: Loop, told: tuple[str, ...], peers: Mapping[PeerName, Peer], own: PeerName,
        connect: Callable[[str], None], chance: random.Random,
    ) -> None:  # fmt: skip
        """``connect`` makes a connection to an address and port."""
        self._loop = loop
        self._told = tuple(f"{address}:{PORT}" for address in told)
        self._peers = peers
        self._own = own
        self._connect = connect
        self._chance = chance
        self._timer: Timer | None = None
        self.targets: dict[str, Target] = {}
        self.connections: set[TcpConnection] = set()
        """The connections whose peers are known."""

    def created(self, connection: TcpConnection) -> None:
        """Note that the peer of a connection is known."""
        self.connections.add(connection)
        if connection.is_outbound and connection.address in self.targets:
            self.targets[connection.address].state = "connected"

    def ended(self, connection: TcpConnection, reason: str, *, forever: bool) -> None:
        """Note that a connection has ended; with ``forever``, never try its address again."""
        self.connections.discard(connection)
        if connection.is_outbound:
            self.failed(connection.address, reason, forever=forever)
        self.refresh()

    def failed(self, address: str, reason: str, *, forever: bool = False) -> None:
        """Note that a connection to an address has ended, or could not be made; plan the next attempt."""
        target = self.targets.get(address)
        if target is None:
            return
        target.state, target.last_error = "waiting", reason
        now_ns = self._loop.now_ns()
        if forever:
            target.try_after_ns = 2**63
        elif now_ns > target.try_after_ns + _RESET_AFTER_S * 1e9:
            target.try_after_ns, target.interval_s = now_ns, _FIRST_INTERVAL_S
        else:
            delay_s = target.interval_s * (0.5 + self._chance.random())
            target.try_after_ns = now_ns + int(delay_s * 1e9)
            target.interval_s = min(target.interval_s * _GROWTH, _LONGEST_INTERVAL_S)
        self.refresh()

    def refresh(self) -> None:
        """Look for addresses to connect to, as soon as the loop is idle."""
        self._plan(0)

    def _plan(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(delay_s, self._attempt_all)

    def _attempt_all(self) -> None:
        self._timer = None
        now_ns = self._loop.now_ns()
        valid = self._valid_addresses()
        for address in valid:
            self.targets.setdefault(address, Target("waiting", now_ns))
        after_ns: int | None = None
        for address, target in list(self.targets.items()):
            if target.state not in ("waiting", "suspended"):
                continue
            target.state = "waiting" if address in valid else "suspended"
            if address not in valid:
                if address not in self._told:
                    del self.targets[address]
            elif target.try_after_ns <= now_ns:
                target.state = "attempting"
                self._connect(address)
            else:
                after_ns = min(target.try_after_ns, after_ns or target.try_after_ns)
        if after_ns is not None and self._timer is None:
            self._plan((after_ns - now_ns) / 1e9)

    def _valid_addresses(self) -> dict[str, None]:
        """Return the addresses without a connection: those told, and those at which other peers are connected."""
        connected = {it.remote for it in self.connections}
        connected_addresses = {it.address for it in self.connections}
        inbound = {it.remote_address for it in self.connections if not it.is_outbound}
        found = dict.fromkeys(it for it in self._told if it.rpartition(":")[0] not in inbound)
        for peer in self._peers.values():
            if peer.name == self._own:
                continue
            for name, known in peer.connections.items():
                if name != self._own and name not in connected:
                    # the port of a connection that the other end has opened is none that it listens at
                    address = known.address if known.is_outbound else f"{known.address.rpartition(':')[0]}:{PORT}"
                    found[address] = None
        return {address: None for address in found if address not in connected_addresses}
