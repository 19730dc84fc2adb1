"""Gossip between peers: channels over the TCP connections, to one peer, to all, or to some neighbours.

It follows `gossip_channel.go` and `routes.go` of Weave's library `mesh`. Messages are relayed over connections of any
state, because connections are established by such messages.
"""

from __future__ import annotations

import abc
import math
import random
from collections.abc import Mapping
from typing import Protocol

from emulator.lab.log import log
from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.peers import name_text
from emulator.overlays.weave.routes import Routes
from emulator.overlays.weave.wire import Gossip, ProtocolError, Tag, pack_gossip
from emulator.system.errors import EmulationError

INTERVAL_S = 30.0
"""The time after which each channel's whole state goes to some neighbours."""


class Sender(Protocol):
    """A connection that messages can be sent on."""

    def send(self, tag: int, body: bytes = b"") -> None:
        """Send a message of a tag."""


class Gossiper(abc.ABC):
    """A user of a channel. A body is JSON.

    The methods that take a body raise a ValueError or an EmulationError if it is malformed.
    """

    channel: str

    @abc.abstractmethod
    def state(self) -> bytes | None:
        """Return all that this host's peer knows; None for nothing."""

    @abc.abstractmethod
    def on_gossip(self, body: bytes) -> bytes | None:
        """Take a neighbour's message, and return what was new in it; None for nothing."""

    @abc.abstractmethod
    def on_broadcast(self, source: PeerName, body: bytes) -> bytes | None:
        """Take a message to all, and return what is passed on to further peers; None for nothing."""

    @abc.abstractmethod
    def on_unicast(self, source: PeerName, body: bytes) -> None:
        """Take a message to this peer."""


class Gossips:
    """All channels of a router. ``senders`` are its connections by their peers, which change."""

    def __init__(
        self, own: PeerName, routes: Routes, senders: Mapping[PeerName, Sender], chance: random.Random
    ) -> None:
        self._own = own
        self._routes = routes
        self._senders = senders
        self._chance = chance
        self._gossipers: dict[str, Gossiper] = {}

    def add(self, gossiper: Gossiper) -> None:
        """Open a channel."""
        self._gossipers[gossiper.channel] = gossiper

    def unicast(self, channel: str, destination: PeerName, body: bytes) -> bool:
        """Send a message to one peer; return whether a connection leads to it."""
        return self._relay_unicast(Gossip(channel, self._own, destination, body))

    def broadcast(self, channel: str, body: bytes) -> None:
        """Send a message to all peers."""
        self._relay_broadcast(Gossip(channel, self._own, None, body))

    def send(self, channel: str, body: bytes) -> None:
        """Send a message to some neighbours, who pass on what is new to them."""
        self._relay(Gossip(channel, self._own, None, body))

    def send_all(self) -> None:
        """Send the whole state of each channel to some neighbours."""
        for channel, gossiper in self._gossipers.items():
            if (state := gossiper.state()) is not None:
                self.send(channel, state)

    def send_all_on(self, sender: Sender) -> None:
        """Send the whole state of each channel on one connection."""
        for channel, gossiper in self._gossipers.items():
            if (state := gossiper.state()) is not None:
                sender.send(Tag.GOSSIP, pack_gossip(Gossip(channel, self._own, None, state)))

    def received(self, tag: Tag, gossip: Gossip) -> None:
        """Take a message from a connection.

        Raises:
            ProtocolError: the message is malformed.
        """
        if gossip.destination is not None and gossip.destination != self._own:
            if not self._relay_unicast(gossip):
                log(f"no connection leads to {name_text(gossip.destination)}")
            return
        gossiper = self._gossipers.get(gossip.channel)
        if gossiper is None:
            raise ProtocolError(f"the gossip channel {gossip.channel[:40]!a} is unknown")
        try:
            self._take(tag, gossip, gossiper)
        except (ValueError, EmulationError) as error:
            raise ProtocolError(f"gossip {gossip.channel}: {error}") from None

    def _take(self, tag: Tag, gossip: Gossip, gossiper: Gossiper) -> None:
        if tag == Tag.UNICAST:
            gossiper.on_unicast(gossip.source, gossip.body)
        elif tag == Tag.BROADCAST:
            if (more := gossiper.on_broadcast(gossip.source, gossip.body)) is not None:
                self._relay_broadcast(Gossip(gossip.channel, gossip.source, None, more))
        elif (more := gossiper.on_gossip(gossip.body)) is not None:
            self._relay(Gossip(gossip.channel, gossip.source, None, more))

    def _relay_unicast(self, gossip: Gossip) -> bool:
        hop = None if gossip.destination is None else self._routes.next_hop_of_all(gossip.destination)
        sender = None if hop is None else self._senders.get(hop)
        if sender is None:
            return False
        sender.send(Tag.UNICAST, pack_gossip(gossip))
        return True

    def _relay_broadcast(self, gossip: Gossip) -> None:
        self._routes.ensure()
        for name in self._routes.next_hops_of_all_from(gossip.source):
            if (sender := self._senders.get(name)) is not None:
                sender.send(Tag.BROADCAST, pack_gossip(gossip))

    def _relay(self, gossip: Gossip) -> None:
        """Send to neighbours drawn at random, in proportion to the peers that are reached through them."""
        self._routes.ensure()
        hops = self._routes.neighbours_of_all()
        weights: dict[PeerName, int] = {}
        for hop in hops.values():
            if hop is not None and hop != gossip.source:
                weights[hop] = weights.get(hop, 0) + 1
        for _ in range(min(int(2 * math.log2(len(hops))), len(weights))):
            (name,) = self._chance.choices(list(weights), list(weights.values()))
            del weights[name]
            if (sender := self._senders.get(name)) is not None:
                # the receiver takes this peer for the source, and does not send it back
                sender.send(Tag.GOSSIP, pack_gossip(Gossip(gossip.channel, self._own, None, gossip.body)))
