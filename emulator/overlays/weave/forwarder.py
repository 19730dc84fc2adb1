"""The interfaces between a router and the ways in which frames get to a peer, as in Weave's `network_overlay.go`.

A router decides where a frame goes (`Switch`), and returns the decision as a tuple of `Hop`. Whoever has received the
frame carries the decision out: the bridge side (`Bridge`) for a frame of a container here, an overlay method (`Method`)
for a frame of a peer. A fast datapath may also turn the decision into a flow, because the decision is the same for each
frame of the same MAC addresses until `Method.invalidate` is called.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

PeerName: TypeAlias = bytes
"""The name of a peer: the six bytes of the MAC address of its bridge. Their order is Weave's order of peers."""
Mac: TypeAlias = bytes
"""An Ethernet address of six bytes."""

PORT = 6783
"""The TCP port of connections between peers, and the UDP port of sleeve; the fast datapath takes the next one."""
NAME_BYTES = 6
ETHERNET_BYTES = 14
SHORT_ID_BITS = 12
FAST_HEARTBEAT_S, SLOW_HEARTBEAT_S = 0.5, 10.0
"""The intervals of a forwarder's heartbeats: until the forwarder is established, and later."""
HEARTBEAT_TIMEOUT_S = 6 * SLOW_HEARTBEAT_S
"""The time without a heartbeat after which a forwarder has failed, or is no longer healthy."""


def is_special(frame: bytes) -> bool:
    """Return whether a frame is a forwarder's own, such as a heartbeat: all 14 bytes of its Ethernet header are 0."""
    return frame.startswith(bytes(ETHERNET_BYTES))


@dataclass(frozen=True, slots=True)
class ConnectionParameters:
    """A connection between two peers, for which a method prepares a forwarder.

    ``uid`` is the connection's id of 64 bits, the same at both ends; heartbeats have it. ``local_address`` and
    ``remote_address`` are the ends of the TCP connection. ``session_key`` has 32 bytes; it is None without a password.
    ``features`` are what the peer has said about itself.
    """

    remote: PeerName
    local_address: str
    remote_address: str
    is_outbound: bool
    uid: int
    session_key: bytes | None
    features: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Events:
    """The functions by which a forwarder tells its connection what happens; the loop's thread calls them.

    ``established`` says that the peer has acknowledged a heartbeat. ``healthy`` says whether heartbeats arrive.
    ``failed`` ends the forwarder, and has the reason. ``send_control`` sends the forwarder at the other end of the
    connection a tag (0 to 255) and a message, by TCP.
    """

    established: Callable[[], None]
    healthy: Callable[[bool], None]
    failed: Callable[[str], None]
    send_control: Callable[[int, bytes], None]


class Forwarder(abc.ABC):
    """The forwarding of frames over one connection. It stays passive until `confirm` is called."""

    method: ClassVar[str]
    """The name of its method."""

    def __init__(self, remote: PeerName, events: Events) -> None:
        self.remote = remote
        self.events = events

    @property
    @abc.abstractmethod
    def mtu_bytes(self) -> int:
        """The size in bytes of the largest packet, without its Ethernet header, that fits in one datagram."""

    @abc.abstractmethod
    def confirm(self) -> None:
        """Begin heartbeats, because the connection is the only one to the peer."""

    def accepts(self, source: PeerName, destination: PeerName) -> bool:  # noqa: ARG002 - for the fast datapath
        """Return whether this forwarder can carry frames between two peers; if not, the next best one gets them."""
        return True

    @abc.abstractmethod
    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:
        """Send a frame over the connection.

        ``source`` is the peer that captured it. ``destination`` is the peer that it is for; of a broadcast frame, the
        peer at the other end. ``is_broadcast`` says that a frame goes to several peers, also if its address is no
        broadcast address.
        """

    @abc.abstractmethod
    def control(self, tag: int, message: bytes) -> None:
        """Take what the forwarder at the other end has given to `Events.send_control`."""

    @abc.abstractmethod
    def stop(self) -> None:
        """End the forwarder: no heartbeats, no frames, no more events."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One place that a frame goes to: a peer, over a connection, or the bridge of this host if ``forwarder`` is None.

    ``source``, ``destination`` and ``is_broadcast`` are the arguments of `Forwarder.send`.
    """

    forwarder: Forwarder | None
    source: PeerName
    destination: PeerName
    is_broadcast: bool = False


class Switch(Protocol):
    """A router, as bridges and methods see it: it learns where MAC addresses are, and decides where frames go."""

    @property
    def name(self) -> PeerName:
        """The name of this host's peer."""

    def captured(self, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        """Return where a frame of a container of this host goes; an empty tuple drops it."""

    def forwarded(self, sender: PeerName, receiver: PeerName, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        """Return where a frame that came from a peer goes; an empty tuple drops it.

        ``sender`` is the peer that captured the frame, and ``receiver`` the peer that it is for.
        """

    def knows(self, name: PeerName) -> bool:
        """Return whether a peer is known."""

    def short_id(self, name: PeerName) -> int | None:
        """Return the short id (12 bits) of a peer; None if the peer is unknown or has none."""

    def peer_of(self, short_id: int) -> PeerName | None:
        """Return the peer that has a short id; of several peers, the one of the least name."""

    def inject(self, frame: bytes) -> None:
        """Put a frame into the bridge of this host."""


class Bridge(abc.ABC):
    """The side of a router that faces this host's containers, Weave's `InjectorConsumer`."""

    @abc.abstractmethod
    def start(self, switch: Switch) -> None:
        """Begin to capture the frames of containers; each goes where ``switch.captured`` says."""

    @abc.abstractmethod
    def inject(self, frame: bytes) -> None:
        """Deliver a frame to the containers of this host; it must not be captured again."""

    @abc.abstractmethod
    def close(self) -> None:
        """Capture no more."""


class Method(abc.ABC):
    """One way to get frames to peers, Weave's `NetworkOverlay`: it prepares a forwarder for each connection."""

    name: ClassVar[str]
    """The name by which two peers agree on it: ``fastdp`` or ``sleeve``."""

    @abc.abstractmethod
    def start(self, switch: Switch) -> None:
        """Begin to receive from peers; each frame goes where ``switch.forwarded`` says."""

    @abc.abstractmethod
    def prepare(self, parameters: ConnectionParameters, events: Events) -> Forwarder:
        """Return a passive forwarder for a connection.

        Raises:
            OSError: the kernel refuses what the forwarder needs; the connection then does without it.
        """

    def invalidate(self) -> None:  # noqa: B027 - for methods that keep decisions
        """Forget all decisions, because routes, short ids, or the choice of forwarders have changed."""

    @abc.abstractmethod
    def close(self) -> None:
        """Receive no more, and remove what the method has in the kernel."""


def carry_out(switch: Switch, hops: tuple[Hop, ...], frame: bytes) -> None:
    """Send a frame to each place of a decision."""
    for hop in hops:
        if hop.forwarder is None:
            switch.inject(frame)
        else:
            hop.forwarder.send(hop.source, hop.destination, frame, is_broadcast=hop.is_broadcast)
