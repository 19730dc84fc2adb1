"""The allocator of addresses, Weave's IPAM: consensus, ring, and requests for space between peers.

It follows `allocator.go` of Weave Net 2.8.1. The first allocation of any host lets the peers agree on how they divide
the network; a peer without free addresses asks another, which gives it half of a range.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

from emulator.lab.log import log
from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.gossip import Gossiper, Gossips
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.paxos import Claims, Participant
from emulator.overlays.weave.peers import name_text, parse_name
from emulator.overlays.weave.ring import Ring, RingError, RingNews
from emulator.overlays.weave.space import Range, Space
from emulator.system.decode import decode, encode

_TICK_S = 5.0
_REQUEST, _RING, _DENIED = 0, 1, 2


@dataclass(frozen=True, slots=True)
class AllocationNews:
    """The gossip of the channel `IPallocation`: nicknames of peers, and claims until the ring is there."""

    nicknames: dict[str, str]
    claims: tuple[Claims, ...]
    ring: RingNews | None


@dataclass(frozen=True, slots=True)
class _Part:
    """A range that a peer asks for, or that another has nothing of."""

    first: int
    end: int


@dataclass(frozen=True, slots=True)
class AllocatorState:
    """The state that survives the router: the ring, and the addresses of the host's containers, by their names."""

    ring: RingNews | None
    owned: dict[str, int]


@dataclass(slots=True)
class _Pending:
    """An allocation that waits for the ring or for space. ``done`` takes the address."""

    owner: str
    done: Callable[[int], None]


class Allocator(Gossiper):
    """The allocator of a host's peer. ``on_change`` is called when its state must be saved."""

    channel = "IPallocation"

    def __init__(
        self, loop: Loop, gossips: Gossips, own: PeerName, uid: int, nickname: str, pool: IPv4Network,
        *, quorum: int, chance: random.Random, on_change: Callable[[], None],
    ) -> None:  # fmt: skip
        """``quorum`` is the number of peers that must agree how the pool is divided."""
        self._loop = loop
        self._gossips = gossips
        self._own = name_text(own)
        self._chance = chance
        self._on_change = on_change
        self._quorum = quorum
        self.pool = pool
        self.nicknames: dict[str, str] = {self._own: nickname}
        first = int(pool.network_address)
        self.ring = Ring((first, first + pool.num_addresses), self._own)
        self.paxos = Participant(self._own, uid)
        self.space = Space()
        self.owned: dict[str, int] = {}
        self._pending: list[_Pending] = []
        self._is_agreeing = False
        gossips.add(self)
        loop.call_later(_TICK_S, self._tick)

    @property
    def saved(self) -> AllocatorState:
        """The state that survives the router."""
        return AllocatorState(None if self.ring.is_empty else self.ring.news(), self.owned)

    def restore(self, state: AllocatorState) -> None:
        """Take what was saved by the router before this one."""
        if state.ring is not None:
            self.ring.merge(state.ring, lambda _: False)
            self.space.set_ranges(self.ring.ranges_of(self._own))
            self.owned = dict(state.owned)
            self.space.used = set(state.owned.values())

    def allocate(self, owner: str, done: Callable[[int], None]) -> None:
        """Find an address for a container, the same one if it has one; call ``done`` with it, now or later."""
        pending = _Pending(owner, done)
        if not self._try(pending):
            self._pending.append(pending)

    def forget(self, peer: str) -> None:
        """Forget the nickname of a peer that is unreachable, unless it owns addresses."""
        if peer not in {it.peer for it in self.ring.entries}:
            self.nicknames.pop(peer, None)

    def owned_counts(self) -> Mapping[str, int]:
        """Return how many addresses each peer owns."""
        counts: dict[str, int] = {}
        for peer in {it.peer for it in self.ring.entries}:
            counts[peer] = sum(end - first for first, end in self.ring.ranges_of(peer))
        return counts

    # gossip

    def state(self) -> bytes:
        """Return the ring, or before it is there the claims."""
        claims = tuple(self.paxos.known.values()) if self.ring.is_empty else ()
        return encode(AllocationNews(self.nicknames, claims, None if self.ring.is_empty else self.ring.news()))

    def on_gossip(self, body: bytes) -> None:
        """Take a neighbour's news, which are not passed on, as in Weave."""
        self._learn(None, body)

    def on_broadcast(self, source: PeerName, body: bytes) -> bytes:
        """Take news, and pass on what is known then."""
        self._learn(source, body)
        return self.state()

    def on_unicast(self, source: PeerName, body: bytes) -> None:
        """Take a request for space, or an answer to one."""
        kind, rest = body[:1], body[1:]
        if kind == bytes((_RING,)):
            self._learn(source, rest)
            return
        part = decode(_Part, rest, "a range")
        if kind == bytes((_REQUEST,)) and not self.ring.is_empty:
            self._give((part.first, part.end), source)
        elif kind == bytes((_DENIED,)):
            log(f"{source.hex(':')} has no free addresses")

    def _learn(self, source: PeerName | None, body: bytes) -> None:
        """Take news.

        Raises:
            ValueError: the news do not belong to this ring.
        """
        news = decode(AllocationNews, body, "the news")
        self.nicknames |= news.nicknames
        if news.ring is not None:
            try:
                has_changed = self.ring.merge(news.ring, self._is_used)
            except RingError as error:
                raise ValueError(str(error)) from None
            if has_changed:
                self._ring_changed()
        elif not self.ring.is_empty:
            if source is not None:
                self._gossips.unicast(self.channel, source, bytes((_RING,)) + self.state())
        elif news.claims and self.paxos.learn(news.claims):
            if self.paxos.think():
                self._gossips.broadcast(self.channel, self.state())
            self._divide_if_agreed()

    # the ring

    def _agree(self) -> None:
        if self.ring.is_empty and not self._is_agreeing:
            self._is_agreeing = True
            self.paxos.quorum = self._quorum
            self._propose()

    def _propose(self) -> None:
        self.paxos.propose()
        self._gossips.broadcast(self.channel, self.state())
        self._divide_if_agreed()

    def _divide_if_agreed(self) -> None:
        peers = self.paxos.agreed()
        if peers is not None and self.ring.is_empty:
            log(f"agreed on the peers {', '.join(peers)}")
            self.ring.divide(sorted(set(peers), key=parse_name))
            self._ring_changed()
            self._gossips.broadcast(self.channel, self.state())

    def _ring_changed(self) -> None:
        self._is_agreeing = False
        self.space.set_ranges(self.ring.ranges_of(self._own))
        self._report()
        self._pending = [it for it in self._pending if not self._try(it)]

    def _report(self) -> None:
        self.ring.report_free(self.space.free_count)
        self._on_change()

    def _is_used(self, part: Range) -> bool:
        return self.space.free_count(part) != part[1] - part[0]

    def _give(self, part: Range, peer: PeerName) -> None:
        """Give a peer half of what is free in a range, and send it the ring in any case."""
        given = self.space.donate(part)
        if given is None:
            self._gossips.unicast(self.channel, peer, bytes((_DENIED,)) + encode(_Part(*part)))
        else:
            self.ring.grant(given, name_text(peer))
            self._ring_changed()
            self._gossips.broadcast(self.channel, self.state())
        self._gossips.unicast(self.channel, peer, bytes((_RING,)) + self.state())

    # allocations

    def _try(self, pending: _Pending) -> bool:
        """Try to allocate; if no address is free here, ask another peer for space and return False."""
        if (owned := self.owned.get(pending.owner)) is not None:
            pending.done(owned)
            return True
        self._agree()
        first, end = self.ring.whole
        # neither the network's own address nor its broadcast address
        address = self.space.allocate((first + 1, end - 1))
        if address is not None:
            self._own_address(pending.owner, address)
            pending.done(address)
            return True
        donors = self.ring.donors((first, end))
        order = sorted(donors, key=lambda it: -donors[it] * self._chance.random())
        next((it for it in order if self._request(it, (first, end))), None)
        return False

    def _request(self, peer: str, part: Range) -> bool:
        return self._gossips.unicast(self.channel, parse_name(peer), bytes((_REQUEST,)) + encode(_Part(*part)))

    def _own_address(self, owner: str, address: int) -> None:
        self.owned[owner] = address
        self._report()

    def _tick(self) -> None:
        """Try again what has not worked, in case messages were lost."""
        self._loop.call_later(_TICK_S, self._tick)
        if self._is_agreeing:
            self._propose()
        elif self._pending:
            self._pending = [it for it in self._pending if not self._try(it)]
