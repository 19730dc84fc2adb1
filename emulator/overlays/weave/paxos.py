"""Paxos by gossip: the peers agree once, at the start, on the peers among which the addresses are divided.

It follows `paxos.go` of Weave Net 2.8.1. Each node publishes what it has promised and accepted. A value is agreed on
when a quorum of nodes has accepted it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias

Node: TypeAlias = tuple[str, int]
"""A node: the name of its peer, and the peer's ``uid``, because a restarted peer has forgotten its promises."""


@dataclass(frozen=True, slots=True, order=True)
class Proposal:
    """The id of a proposal; that of round 0 stands for none and comes before all others."""

    round: int = 0
    name: str = ""
    uid: int = 0


NONE = Proposal()


@dataclass(frozen=True, slots=True)
class Claims:
    """The promise and the acceptance of a node. ``value`` is the accepted value, first proposed as ``origin``."""

    name: str
    uid: int
    promise: Proposal = NONE
    accepted: Proposal = NONE
    value: tuple[str, ...] = ()
    origin: Proposal = NONE

    @property
    def node(self) -> Node:
        """The node whose claims these are."""
        return self.name, self.uid


class Participant:
    """A node that proposes and accepts."""

    def __init__(self, name: str, uid: int) -> None:
        self._own: Node = (name, uid)
        self.quorum = 0
        """The number of nodes that must agree; 0 until it is known."""
        self.known: dict[Node, Claims] = {}

    def learn(self, claims: Iterable[Claims]) -> bool:
        """Take the claims of nodes, and return whether anything was new."""
        before = dict(self.known)
        for item in claims:
            mine = self.known.get(item.node, Claims(*item.node))
            if mine.promise < item.promise:
                mine = replace(mine, promise=item.promise)
            if mine.accepted < item.accepted:
                mine = replace(mine, accepted=item.accepted, value=item.value, origin=item.origin)
            self.known[item.node] = mine
        return self.known != before

    def propose(self) -> None:
        """Make a proposal that comes after all others."""
        last = max((max(it.promise.round, it.accepted.round) for it in self.known.values()), default=0)
        self.known[self._own] = replace(self._claims(), promise=Proposal(last + 1, *self._own))
        if self.quorum == 1:
            self.think()

    def think(self) -> bool:
        """Promise, propose and accept what follows from all claims; return whether this node's have changed."""
        before = self._claims()
        claims = replace(before, promise=max([before.promise, *(it.promise for it in self.known.values())]))
        if (claims.promise.name, claims.promise.uid) == self._own:
            claims = self._accept_own(claims)
        found = next((it for it in self.known.values() if it.accepted != NONE and it.accepted == claims.promise), None)
        if found is not None:
            claims = replace(claims, accepted=found.accepted, value=found.value, origin=found.origin)
        self.known[self._own] = claims
        return claims != before

    def agreed(self) -> tuple[str, ...] | None:
        """Return the value that a quorum has accepted; None before."""
        if self.quorum == 0:
            return None
        counts: dict[Proposal, int] = {}
        for claims in self.known.values():
            if claims.accepted != NONE:
                counts[claims.origin] = counts.get(claims.origin, 0) + 1
                if counts[claims.origin] >= self.quorum:
                    return claims.value
        return None

    def _claims(self) -> Claims:
        return self.known.get(self._own, Claims(*self._own))

    def _accept_own(self, claims: Claims) -> Claims:
        """Accept this node's own proposal, if a quorum has promised it: by that the others are asked to accept it.

        If one of them has accepted an earlier proposal, that value is proposed, and else the names of all known nodes.
        """
        known = {**self.known, self._own: claims}
        promised = [it for it in known.values() if it.promise == claims.promise]
        if len(promised) < self.quorum or self.quorum == 0:
            return claims
        last = max(promised, key=lambda it: it.accepted)
        if last.accepted != NONE:
            return replace(claims, accepted=claims.promise, value=last.value, origin=last.origin)
        value = tuple(sorted(name for name, _ in known))
        return replace(claims, accepted=claims.promise, value=value, origin=claims.promise)
