"""The knowledge of a router, as values and as the lines of `weave status connections`, `peers`, `ipam` and `dns`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from emulator.overlays.weave.allocator import Allocator
from emulator.overlays.weave.names import NameEntry, Names
from emulator.overlays.weave.peers import Peer, name_text
from emulator.overlays.weave.router import Router

RELAYED, UNREACHABLE = "relayed", "unreachable"
_NO_METHOD = "none"


@dataclass(frozen=True, slots=True)
class LocalConnection:
    """A connection of the router, or an address that it tries. ``mtu_bytes`` is None without a forwarder."""

    address: str
    is_outbound: bool
    state: str
    info: str
    mtu_bytes: int | None


@dataclass(frozen=True, slots=True)
class RemoteConnection:
    """A connection of any peer, as gossip says."""

    name: str
    address: str
    is_outbound: bool
    is_established: bool


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """A peer. ``name`` has its nickname in parentheses. ``address`` is None for a peer that is not connected to.

    ``method`` says how frames get there: the name of a method, `RELAYED` or `UNREACHABLE`.
    """

    name: str
    nickname: str
    address: str | None
    method: str
    connections: tuple[RemoteConnection, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The addresses of a peer in the ring; ``ranges`` are pairs of a first address and the one after the last."""

    peer: str
    nickname: str
    is_known: bool
    count: int
    ranges: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Status:
    """The knowledge of a router."""

    name: str
    nickname: str
    connections: tuple[LocalConnection, ...]
    peers: tuple[PeerStatus, ...]
    shares: tuple[Share, ...]
    active: int
    names: tuple[NameEntry, ...]


def status_of(router: Router, allocator: Allocator, names: Names, *, is_encrypted: bool) -> Status:
    """Return what a router knows now."""
    return Status(
        name=name_text(router.own.name),
        nickname=router.own.nickname,
        connections=tuple(_local_connections(router, is_encrypted=is_encrypted)),
        peers=tuple(_peer(router, peer) for _, peer in sorted(router.topology.peers.items())),
        shares=tuple(_shares(router, allocator)),
        active=len(allocator.owned),
        names=names.entries,
    )


def lines(status: Status) -> Iterator[str]:
    """Yield the lines that show what a router knows."""
    for it in status.connections:
        mtu = "" if it.mtu_bytes is None else f" mtu={it.mtu_bytes}"
        yield f"{_arrow(is_outbound=it.is_outbound)} {it.address:21} {it.state:11} {it.info}{mtu}"
    for peer in status.peers:
        yield peer.name
        for each in peer.connections:
            state = "established" if each.is_established else "pending"
            yield f"   {_arrow(is_outbound=each.is_outbound)} {each.address:21} {each.name:37} {state}"
    total = sum(it.count for it in status.shares)
    for share in sorted(status.shares, key=lambda it: it.nickname != status.nickname):
        own = f"({status.active} active)" if share.nickname == status.nickname else ""
        mark = own if share.is_known else "- unreachable!"
        name = f"{share.peer}({share.nickname})"
        yield f"{name:37} {share.count:8} IPs ({100 * share.count / total:04.1f}% of total) {mark}".rstrip()
    for entry in status.names:
        yield f"{entry.container:12} {entry.address:15} {entry.container:>12} {entry.origin}"


def _local_connections(router: Router, *, is_encrypted: bool) -> Iterator[LocalConnection]:
    encryption = "encrypted   " if is_encrypted else ""
    connected = set()
    for remote, connection in sorted(router.connections.items()):
        connected.add(connection.address)
        best = None if connection.choice is None else connection.choice.best
        method = _NO_METHOD if best is None else best.method
        yield LocalConnection(
            connection.address,
            connection.is_outbound,
            "established" if router.own.connections[remote].is_established else "pending",
            f"{encryption}{method:6} {router.topology.peers[remote]}",
            None if best is None else best.mtu_bytes,
        )
    for address, target in router.maker.targets.items():
        if address not in connected and target.state not in ("connected", "suspended"):
            state = "connecting" if target.state == "attempting" else "retrying" if target.last_error else "waiting"
            yield LocalConnection(address, True, state, target.last_error, None)


def _peer(router: Router, peer: Peer) -> PeerStatus:
    connection = router.connections.get(peer.name)
    return PeerStatus(
        str(peer),
        peer.nickname,
        None if connection is None else connection.remote_address,
        _method(router, peer),
        tuple(
            RemoteConnection(
                str(router.topology.peers.get(it.remote, name_text(it.remote))), it.address, it.is_outbound,
                it.is_established,
            )
            for _, it in sorted(peer.connections.items())
        ),
    )  # fmt: skip


def _method(router: Router, peer: Peer) -> str:
    hop = router.routes.next_hop(peer.name)
    connection = None if hop is None else router.connections.get(hop)
    if connection is None or connection.choice is None or connection.choice.best is None:
        return UNREACHABLE
    return connection.choice.best.method if hop == peer.name else RELAYED


def _shares(router: Router, allocator: Allocator) -> Iterator[Share]:
    known = {name_text(name) for name in router.topology.peers}
    for peer, count in sorted(allocator.owned_counts().items()):
        nickname = allocator.nicknames.get(peer, "")
        yield Share(peer, nickname, peer in known, count, allocator.ring.ranges_of(peer))


def _arrow(*, is_outbound: bool) -> str:
    return "->" if is_outbound else "<-"
