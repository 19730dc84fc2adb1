"""A router, Weave's `weaver`: connections to other peers, gossip, and the decision where each frame goes.

It follows `network_router.go`, `router.go` and `local_peer.go` of Weave Net 2.8.1. All runs in one loop.
"""

from __future__ import annotations

import errno
import os
import random
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from emulator.lab.log import log
from emulator.overlays.weave.choice import Choice
from emulator.overlays.weave.connection import TcpConnection
from emulator.overlays.weave.forwarder import PORT, Bridge, ConnectionParameters, Hop, Mac, Method, PeerName
from emulator.overlays.weave.gossip import INTERVAL_S, Gossips
from emulator.overlays.weave.loop import Loop, Timer
from emulator.overlays.weave.macs import MAX_AGE_S, MacTable
from emulator.overlays.weave.maker import Maker
from emulator.overlays.weave.peers import KnownConnection, Peer
from emulator.overlays.weave.routes import Routes
from emulator.overlays.weave.topology import Topology
from emulator.overlays.weave.topology_gossip import TopologyGossiper
from emulator.overlays.weave.wire import ProtocolError, Tag, parse_gossip

_ANNOUNCE_S = 1.0
"""Changes of this host's peer within this time are announced together."""
_SPANNING_TREE = bytes.fromhex("0180c2000000")
_SELF = "it leads to this host itself"
_MAX_64 = 2**64


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """``address`` is where the router listens, and ``told`` are the addresses of the hosts that it connects to."""

    name: PeerName
    nickname: str
    address: str
    told: tuple[str, ...]
    password: str | None


class Router:
    """A router; it is the `Switch` of its bridge and methods, and the `Owner` of its connections."""

    def __init__(
        self, loop: Loop, settings: RouterSettings, bridge: Bridge, methods: Sequence[Method], chance: random.Random
    ) -> None:
        """``methods`` are in order of preference."""
        self._loop = loop
        self._settings = settings
        self._bridge = bridge
        self._methods: Mapping[str, Method] = {it.name: it for it in methods}
        self._chance = chance
        self._referenced: set[TcpConnection] = set()
        self._announcing: set[PeerName] = set()
        self._announcement: Timer | None = None
        self.on_removed: list[Callable[[Peer], None]] = [lambda peer: self.macs.forget(peer.name)]
        """Functions that are called for each peer that is forgotten."""
        self.connections: dict[PeerName, TcpConnection] = {}
        """The connections in use, by their peers."""
        self.macs = MacTable()
        self.own = Peer(settings.name, settings.nickname, chance.randrange(1, _MAX_64), 0, chance.randrange(2**12))
        self.topology = Topology(self.own, chance, self._removed, self._invalidate, self._announce)
        self.routes = Routes(loop, self.topology.peers, self.own.name, self._invalidate)
        self.gossips = Gossips(self.own.name, self.routes, self.connections, chance)
        self.maker = Maker(loop, settings.told, self.topology.peers, self.own.name, self._connect, chance)
        self.gossips.add(TopologyGossiper(loop, self.topology, self._topology_changed))

    @property
    def name(self) -> PeerName:
        """The name of this host's peer."""
        return self.own.name

    def start(self) -> None:
        """Listen, capture, and connect to the hosts that the router is told."""
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self._settings.address, PORT))
        listener.listen(socket.SOMAXCONN)
        self._loop.watch(listener.fileno(), lambda: self._accept(listener))
        for method in self._methods.values():
            method.start(self)
        self._bridge.start(self)
        self._loop.call_later(INTERVAL_S, self._gossip)
        self._loop.call_later(MAX_AGE_S / 10, self._expire_macs)
        self.maker.refresh()

    def stop(self) -> None:
        """Close all connections."""
        for connection in list(self.maker.connections):
            connection.shut_down("this host leaves")

    # where frames go: `Switch`

    def captured(self, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        """Return where a frame of a container of this host goes."""
        own = self.own.name
        is_new, other = self.macs.learn(source, own, self._loop.turn_ns, force=False)
        if is_new:
            log(f"MAC address {source.hex(':')} is here")
        elif other is not None:
            return ()  # a frame that this router has injected
        if destination == _SPANNING_TREE:
            return ()
        peer = self.macs.peer_of(destination)
        if peer == own:
            return ()
        return self._to_all(own) if peer is None else self._to_one(own, peer)

    def forwarded(self, sender: PeerName, receiver: PeerName, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        """Return where a frame goes that has come from a peer."""
        own = self.own.name
        if receiver != own:
            return self._to_one(sender, receiver)
        is_new, other = self.macs.learn(source, sender, self._loop.turn_ns, force=True)
        if is_new:
            log(f"MAC address {source.hex(':')} is at {self.topology.peers.get(sender, sender)}")
        elif other is not None:
            log(f"MAC address {source.hex(':')} has moved to {self.topology.peers.get(sender, sender)}")
            self._invalidate()
        here = Hop(None, sender, own)
        return (here,) if self.macs.peer_of(destination) == own else (here, *self._to_all(sender))

    def knows(self, name: PeerName) -> bool:
        """Return whether a peer is known."""
        return name in self.topology.peers

    def short_id(self, name: PeerName) -> int | None:
        """Return the short id of a peer."""
        peer = self.topology.peers.get(name)
        return None if peer is None else peer.short_id

    def peer_of(self, short_id: int) -> PeerName | None:
        """Return the peer that has a short id."""
        return self.topology.peer_of(short_id)

    def inject(self, frame: bytes) -> None:
        """Put a frame into the bridge of this host."""
        self._bridge.inject(frame)

    def _to_one(self, source: PeerName, destination: PeerName) -> tuple[Hop, ...]:
        hop = self.routes.next_hop(destination)
        connection = None if hop is None else self.connections.get(hop)
        if connection is None or connection.choice is None:
            return ()
        forwarder = connection.choice.forwarder_for(source, destination)
        return () if forwarder is None else (Hop(forwarder, source, destination),)

    def _to_all(self, source: PeerName) -> tuple[Hop, ...]:
        hops = []
        for name in self.routes.next_hops_from(source):
            connection = self.connections.get(name)
            if connection is not None and connection.choice is not None:
                forwarder = connection.choice.forwarder_for(source, name)
                if forwarder is not None:
                    hops.append(Hop(forwarder, source, name, is_broadcast=True))
        return tuple(hops)

    # connections: `Owner`

    def features(self, connection: TcpConnection) -> Mapping[str, str]:
        """Return what this host's peer says about itself on a connection."""
        return {
            "PeerNameFlavour": "mac",
            "Name": self.own.name.hex(":"),
            "NickName": self.own.nickname,
            "ShortID": str(self.own.short_id),
            "UID": str(self.own.uid),
            "ConnID": str(connection.uid),
            "Overlays": " ".join(self._methods),
        }

    def introduced(self, connection: TcpConnection, remote: Peer, features: Mapping[str, str]) -> None:
        """Take a connection whose peer is known now, unless there is a better one to the same peer.

        Raises:
            ProtocolError: the connection is not wanted.
        """
        if remote.name == self.own.name:
            raise ProtocolError(_SELF if remote.uid == self.own.uid else f"another host has the name of {self.own}")
        known = self.topology.add(remote)
        self._referenced.add(connection)
        connection.choice = Choice(
            self._methods,
            ConnectionParameters(
                remote.name, connection.own_address, connection.remote_address, connection.is_outbound, connection.uid,
                connection.session_key, features,
            ),
            send=lambda message: connection.send(Tag.OVERLAY, message),
            on_established=lambda: self._established(connection, remote.name),
            on_change=self._invalidate,
            on_failed=connection.shut_down,
        )  # fmt: skip
        if not connection.choice.has_forwarder:
            raise ProtocolError("no method of forwarding is common to both ends")
        self._refuse_duplicates(connection, remote.name)
        was_connected = self.routes.next_hop(remote.name) is not None
        self.connections[remote.name] = connection
        self.own.connections[remote.name] = KnownConnection(
            remote.name, connection.address, connection.is_outbound, is_established=False
        )
        self.own.version += 1
        log(f"connected to {known} at {connection.address}")
        if known.uid != remote.uid or not was_connected:
            self.gossips.send_all_on(connection)
        self.routes.recalculate()
        self._announce(remote.name)
        self.maker.created(connection)
        connection.choice.confirm()

    def received(self, connection: TcpConnection, tag: int, body: bytes) -> None:
        """Take a message of a connection.

        Raises:
            ProtocolError: the message is malformed.
        """
        if tag == Tag.OVERLAY:
            if connection.choice is not None:
                connection.choice.control(body)
        elif tag in (Tag.GOSSIP, Tag.UNICAST, Tag.BROADCAST):
            self.gossips.received(Tag(tag), parse_gossip(Tag(tag), body))

    def ended(self, connection: TcpConnection, reason: str) -> None:
        """Forget a connection, which is closed."""
        remote = connection.remote
        log(f"connection {'to' if connection.is_outbound else 'from'} {connection.address} ended: {reason}")
        if remote is not None and connection in self._referenced:
            self._referenced.remove(connection)
            self.topology.peers[remote].references -= 1
        if remote is not None and self.connections.get(remote) is connection:
            self._disconnect(remote)
        self.maker.ended(connection, reason, forever=reason == _SELF)

    def _refuse_duplicates(self, connection: TcpConnection, remote: PeerName) -> None:
        """Keep one of two connections to a peer, the one of the lower id, as the other end does."""
        other = self.connections.get(remote)
        if other is None:
            return
        reason = "another connection to the same peer is kept"
        if connection.uid <= other.uid:
            other.shut_down(reason)
        if connection.uid >= other.uid:
            raise ProtocolError(reason)

    def _established(self, connection: TcpConnection, remote: PeerName) -> None:
        if self.connections.get(remote) is connection:
            self.own.connections[remote].is_established = True
            self.own.version += 1
            log(f"connection to {self.topology.peers[remote]} is established")
            self.routes.recalculate()
            self._announce()

    def _disconnect(self, remote: PeerName) -> None:
        del self.connections[remote]
        del self.own.connections[remote]
        self.own.version += 1
        self.topology.collect()
        self.routes.recalculate()
        self._announce()

    def _accept(self, listener: socket.socket) -> None:
        try:
            end, (address, port) = listener.accept()
        except OSError:  # the other end is gone already
            return
        self._open(end, f"{address}:{port}", is_outbound=False)

    def _connect(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        end = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        end.bind((self._settings.address, 0))
        number = end.connect_ex((host, int(port)))
        if number in (0, errno.EINPROGRESS):
            self._open(end, address, is_outbound=True)
        else:
            end.close()
            self.maker.failed(address, os.strerror(number))

    def _open(self, end: socket.socket, address: str, *, is_outbound: bool) -> None:
        end.setblocking(False)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # Go's default
        uid = self._chance.randrange(_MAX_64)
        TcpConnection(
            self._loop, end, address, self, password=self._settings.password, uid=uid, is_outbound=is_outbound
        )

    # news

    def _announce(self, *names: PeerName) -> None:
        self._announcing |= {self.own.name, *names}
        if self._announcement is None:
            self._announcement = self._loop.call_later(_ANNOUNCE_S, self._send_announcement)

    def _send_announcement(self) -> None:
        names, self._announcing, self._announcement = self._announcing, set(), None
        self.gossips.send(TopologyGossiper.channel, TopologyGossiper.body(self.topology, names))

    def _gossip(self) -> None:
        self._loop.call_later(INTERVAL_S, self._gossip)
        self.gossips.send_all()

    def _topology_changed(self) -> None:
        self.maker.refresh()
        self.routes.recalculate()

    def _removed(self, peer: Peer) -> None:
        log(f"{peer} is unreachable, and forgotten")
        for function in self.on_removed:
            function(peer)

    def _invalidate(self) -> None:
        for method in self._methods.values():
            method.invalidate()

    def _expire_macs(self) -> None:
        self._loop.call_later(MAX_AGE_S / 10, self._expire_macs)
        for mac in self.macs.expire(self._loop.turn_ns):
            log(f"MAC address {mac.hex(':')} is forgotten")
