"""The gossip channel of the topology: news about peers and their connections."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.gossip import Gossiper
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.topology import Topology, TopologyNews
from emulator.system.decode import decode, encode

_COLLECT_S = 1.0
"""Peers are forgotten this time after news, when they are reached no more."""


class TopologyGossiper(Gossiper):
    """The channel ``topology``; ``on_change`` is called after news that were new."""

    channel = "topology"

    def __init__(self, loop: Loop, topology: Topology, on_change: Callable[[], None]) -> None:
        self._loop = loop
        self._topology = topology
        self._on_change = on_change
        self._collection: Timer | None = None

    @staticmethod
    def body(topology: Topology, names: Iterable[PeerName]) -> bytes:
        """Return the news about some peers."""
        return encode(topology.news(names))

    def state(self) -> bytes:
        """Return the news about all peers."""
        return self.body(self._topology, self._topology.peers)

    def on_gossip(self, body: bytes) -> bytes | None:
        """Take news, and return those that were new."""
        _, newer = self._learn(body)
        return self.body(self._topology, newer) if newer else None

    def on_broadcast(self, source: PeerName, body: bytes) -> bytes | None:  # noqa: ARG002
        """Take news, and return them all."""
        names, _ = self._learn(body)
        return self.body(self._topology, names) if names else None

    def on_unicast(self, source: PeerName, body: bytes) -> None:
        """Refuse: news go to all.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{len(body)} bytes of news from {source.hex(':')} are for this peer alone")

    def _learn(self, body: bytes) -> tuple[set[PeerName], set[PeerName]]:
        names, newer = self._topology.learn(decode(TopologyNews, body, "the news"))
        if newer:
            self._on_change()
        if self._collection is None:
            self._collection = self._loop.call_later(_COLLECT_S, self._collect)
        return names, newer

    def _collect(self) -> None:
        self._collection = None
        self._topology.collect()
