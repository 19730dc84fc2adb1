"""The peers of a mesh and their connections, as one peer knows them, and the news by which peers tell each other.

It follows `peers.go` of the library `mesh` that Weave Net 2.8.1 contains. Each peer numbers the versions of its own
connections, so of two descriptions of a peer the one with the higher version is the newer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from emulator.overlays.weave import routes
from emulator.overlays.weave.forwarder import SHORT_ID_BITS, PeerName
from emulator.overlays.weave.peers import KnownConnection, Peer, name_text, parse_name

_SHORT_IDS = 2**SHORT_ID_BITS


@dataclass(frozen=True, slots=True)
class ConnectionNews:
    """A connection in news: the name of the peer at its other end, and that end's address and port."""

    name: str
    address: str
    is_outbound: bool
    is_established: bool


@dataclass(frozen=True, slots=True)
class PeerNews:
    """A peer in news. ``uid`` is another one after each start; ``short_id`` is None for a peer known by name only."""

    name: str
    nickname: str
    uid: int
    version: int
    short_id: int | None
    connections: tuple[ConnectionNews, ...]


@dataclass(frozen=True, slots=True)
class TopologyNews:
    """The news of the gossip channel ``topology``."""

    peers: tuple[PeerNews, ...]


class Topology:
    """All known peers, of which ``own`` is this host's.

    ``on_removed`` is called for each peer that is forgotten, ``on_short_ids`` when short ids have got other owners,
    ``on_own_change`` when this host's peer has changed and must be announced.
    """

    def __init__(
        self,
        own: Peer,
        chance: random.Random,
        on_removed: Callable[[Peer], None],
        on_short_ids: Callable[[], None],
        on_own_change: Callable[[], None],
    ) -> None:
        self.own = own
        self.peers: dict[PeerName, Peer] = {own.name: own}
        self._chance = chance
        self._on_removed = on_removed
        self._on_short_ids = on_short_ids
        self._on_own_change = on_own_change
        self._owners: dict[int, PeerName] = {}
        """The owners of short ids, also of those that are forgotten, so that another owner is noticed."""
        self._update_owners()

    def peer_of(self, short_id: int) -> PeerName | None:
        """Return the owner of a short id, the peer of the least name among those that have it."""
        owner = self._owners.get(short_id)
        return owner if owner in self.peers else None

    def add(self, peer: Peer) -> Peer:
        """Return the known peer of the same name, or the given one, now known; either has one reference more."""
        found = self.peers.setdefault(peer.name, peer)
        found.references += 1
        self._update_owners()
        return found

    def news(self, names: Iterable[PeerName]) -> TopologyNews:
        """Return news about the peers of some names."""
        return TopologyNews(tuple(_news(self.peers[name]) for name in sorted(names) if name in self.peers))

    def learn(self, news: TopologyNews) -> tuple[set[PeerName], set[PeerName]]:
        """Take news; return the names of the peers in it, and of those about which it was newer than what was known.

        Raises:
            ValueError: the news are malformed; nothing has changed.
        """
        described = [(parse_name(it.name), it, _connections(it)) for it in news.peers]
        is_new = {name for name, _, _ in described if name not in self.peers}
        for name, _, connections in described:
            for each in (name, *connections):
                self.peers.setdefault(each, Peer(each))
        newer = set()
        for name, item, connections in described:
            peer = self.peers[name]
            if peer is self.own:
                self._supersede(item)
            elif name in is_new or _is_newer(item, peer):
                peer.nickname, peer.uid, peer.version, peer.short_id = (
                    item.nickname, item.uid, item.version, item.short_id,
                )  # fmt: skip
                peer.connections = connections
                newer.add(name)
        self._update_owners()
        return {name for name, _, _ in described}, newer

    def collect(self) -> None:
        """Forget the peers that no connections lead to."""
        reached = routes.unicast(self.peers, self.own.name, established=False)
        removed = [it for it in self.peers.values() if it.name not in reached and not it.references]
        for peer in removed:
            del self.peers[peer.name]
        if removed:
            self._update_owners()
        for peer in removed:
            self._on_removed(peer)

    def _supersede(self, item: PeerNews) -> None:
        """Give this host's peer a higher version than news have that are about its previous incarnation."""
        if item.uid != self.own.uid and item.version >= self.own.version:
            self.own.version = item.version + 1
            self._on_own_change()

    def _update_owners(self) -> None:
        owners: dict[int, PeerName] = {}
        for peer in self.peers.values():
            if peer.short_id is not None:
                owners[peer.short_id] = min(peer.name, owners.get(peer.short_id, peer.name))
        own_id = self.own.short_id
        if own_id is not None and owners[own_id] != self.own.name and len(owners) < _SHORT_IDS:
            self.own.short_id = self._chance.choice([it for it in range(_SHORT_IDS) if it not in owners])
            self.own.version += 1
            owners[self.own.short_id] = self.own.name
            self._on_own_change()
        has_moved = any(owner != owners.get(short_id, owner) for short_id, owner in self._owners.items())
        self._owners = {**self._owners, **owners} if not has_moved else owners
        if has_moved:
            self._on_short_ids()


def _news(peer: Peer) -> PeerNews:
    connections = tuple(
        ConnectionNews(name_text(it.remote), it.address, it.is_outbound, it.is_established)
        for it in peer.connections.values()
    )
    return PeerNews(name_text(peer.name), peer.nickname, peer.uid, peer.version, peer.short_id, connections)


def _connections(item: PeerNews) -> dict[PeerName, KnownConnection]:
    if item.short_id is not None and not 0 <= item.short_id < _SHORT_IDS:
        raise ValueError(f"the short id {item.short_id} has more than {SHORT_ID_BITS} bits")
    found = {}
    for each in item.connections:
        name = parse_name(each.name)
        found[name] = KnownConnection(name, each.address, each.is_outbound, each.is_established)
    return found


def _is_newer(item: PeerNews, peer: Peer) -> bool:
    if (item.version, item.uid) != (peer.version, peer.uid):
        return (item.version, item.uid) > (peer.version, peer.uid)
    return item.short_id is not None and peer.short_id is None
