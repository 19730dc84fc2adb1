"""Routes over a mesh of peers: shortest paths by the number of connections, the same on each peer with the same view.

It follows `Peer.routes` and `routes.go` of Weave's library `mesh`. A frame to one peer goes to the next hop of the
shortest path. A frame to all goes along the tree of shortest paths from the peer that captured it, so that it reaches
each peer once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.peers import Peer

_DEFER_S = 0.1
"""Changes within this time cause one calculation."""


def unicast(peers: Mapping[PeerName, Peer], start: PeerName, *, established: bool) -> dict[PeerName, PeerName | None]:
    """Return the next hop from a peer to each peer that it reaches; that to itself is None.

    With ``established``, only connections count that both ends call established.
    """
    return _widen(peers, start, None, established=established)[1]


def broadcast(
    peers: Mapping[PeerName, Peer], source: PeerName, here: PeerName, *, established: bool
) -> tuple[PeerName, ...]:
    """Return the peers that the peer ``here`` passes a frame on to that ``source`` has sent to all."""
    if source not in peers:
        return ()
    is_found, reached = _widen(peers, source, here, established=established)
    return tuple(_neighbours(peers, here, reached, established=established)) if is_found else ()


def _widen(
    peers: Mapping[PeerName, Peer], start: PeerName, stop: PeerName | None, *, established: bool
) -> tuple[bool, dict[PeerName, PeerName | None]]:
    """Search in breadth from a peer, until another is found; return whether it was, and the next hops so far."""
    hops: dict[PeerName, PeerName | None] = {start: None}
    waiting = [start]
    while waiting:
        following: list[PeerName] = []
        for name in sorted(waiting):
            if name == stop:
                return True, hops
            for neighbour in _neighbours(peers, name, hops, established=established):
                following.append(neighbour)
                hops[neighbour] = neighbour if name == start else hops[name]
        waiting = following
    return False, hops


def _neighbours(
    peers: Mapping[PeerName, Peer], name: PeerName, without: Mapping[PeerName, object], *, established: bool
) -> Iterator[PeerName]:
    for remote, connection in sorted(peers[name].connections.items()):
        if remote in without or remote not in peers or (established and not connection.is_established):
            continue
        back = peers[remote].connections.get(name)
        if not established or (back is not None and back.is_established):
            yield remote


class Routes:
    """The routes from this host's peer, calculated anew some time after a change."""

    def __init__(
        self, loop: Loop, peers: Mapping[PeerName, Peer], own: PeerName, on_change: Callable[[], None]
    ) -> None:
        """``peers`` are all known peers, which change; ``own`` is this host's peer."""
        self._loop = loop
        self._peers = peers
        self._own = own
        self._on_change = on_change
        self._timer: Timer | None = None
        self._unicast: dict[PeerName, PeerName | None] = {}
        self._unicast_all: dict[PeerName, PeerName | None] = {}
        self._broadcast: dict[PeerName, tuple[PeerName, ...]] = {}
        self._calculate()

    def recalculate(self) -> None:
        """Calculate the routes in a tenth of a second, unless that is planned already."""
        if self._timer is None:
            self._timer = self._loop.call_later(_DEFER_S, self._calculate)

    def ensure(self) -> None:
        """Calculate the routes now, if that is planned."""
        if self._timer is not None:
            self._timer.cancel()
            self._calculate()

    def next_hop(self, name: PeerName) -> PeerName | None:
        """Return the peer that frames to a peer go to first; None if no established connections lead there."""
        return self._unicast.get(name)

    def next_hop_of_all(self, name: PeerName) -> PeerName | None:
        """Return the same over connections of any state, for messages by TCP."""
        return self._unicast_all.get(name)

    def neighbours_of_all(self) -> dict[PeerName, PeerName | None]:
        """Return the next hop to each peer, over connections of any state."""
        return self._unicast_all

    def next_hops_from(self, source: PeerName) -> tuple[PeerName, ...]:
        """Return the peers that a frame of ``source`` to all is passed on to from here."""
        found = self._broadcast.get(source)
        if found is None:
            found = broadcast(self._peers, source, self._own, established=True)
            self._broadcast[source] = found
        return found

    def next_hops_of_all_from(self, source: PeerName) -> tuple[PeerName, ...]:
        """Return the same over connections of any state, for messages by TCP."""
        return broadcast(self._peers, source, self._own, established=False)

    def _calculate(self) -> None:
        self._timer = None
        self._unicast = unicast(self._peers, self._own, established=True)
        self._unicast_all = unicast(self._peers, self._own, established=False)
        self._broadcast = {}
        self._on_change()
