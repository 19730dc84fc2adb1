"""The ring of addresses: tokens divide a network into ranges, each with an owner. It follows Weave's `ring.go`.

Each host has a copy. Only the owner of a range changes it, and gives its token a higher version, so that copies are
merged by the versions of their tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from emulator.overlays.weave.space import Range


@dataclass(frozen=True, slots=True)
class Entry:
    """A range from ``token`` to the next entry's token, of which ``free`` addresses are free. ``peer`` is its owner."""

    token: int
    peer: str
    version: int
    free: int


@dataclass(frozen=True, slots=True)
class RingNews:
    """A ring as it is sent to others. ``seeds`` are the peers among which it was divided at first."""

    first: int
    end: int
    seeds: tuple[str, ...]
    entries: tuple[Entry, ...]


class RingError(Exception):
    """Two rings do not belong together; the message is a sentence."""


class Ring:
    """The ring of a network, as the peer ``own`` knows it. It is empty until the peers have agreed on its seeds."""

    def __init__(self, whole: Range, own: str) -> None:
        self.whole = whole
        self.own = own
        self.entries: tuple[Entry, ...] = ()
        self.seeds: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the ring is not divided yet."""
        return not self.entries

    def news(self) -> RingNews:
        """Return the ring for others."""
        return RingNews(*self.whole, self.seeds, self.entries)

    def divide(self, peers: Sequence[str]) -> None:
        """Divide the network among peers, by halves."""
        self.seeds = tuple(peers)
        self.entries = tuple(_divide(*self.whole, self.seeds))

    def ranges_of(self, peer: str) -> tuple[Range, ...]:
        """Return the ranges of a peer, in their order; one across the end of the network is two."""
        found: list[Range] = []
        for index, entry in enumerate(self.entries):
            if entry.peer == peer:
                found += self._parts(entry.token, self._token_after(index))
        return tuple(sorted(found))

    def owner(self, address: int) -> str | None:
        """Return the owner of an address; None if the ring is empty."""
        if not self.entries:
            return None
        before = [entry for entry in self.entries if entry.token <= address]
        return (before or self.entries)[-1].peer

    def grant(self, part: Range, peer: str) -> None:
        """Give a part of this peer's ranges, all of it free, to another peer."""
        first, end = part
        entries = {entry.token: entry for entry in self.entries}
        if first not in entries:
            before = max((it for it in entries if it < first), default=max(entries))
            entries[before] = replace(entries[before], version=entries[before].version + 1)
            entries[first] = Entry(first, peer, 0, 0)
        else:
            entries[first] = replace(entries[first], peer=peer, version=entries[first].version + 1)
        for token in [it for it in entries if first < it < end]:
            entries[token] = replace(entries[token], peer=peer, version=entries[token].version + 1)
        end_token = self.whole[0] if end == self.whole[1] else end
        rest = () if end_token in entries else (end_token,)
        entries |= {token: Entry(token, self.own, 0, 0) for token in rest}
        self.entries = tuple(entries[token] for token in sorted(entries))
        self.entries = tuple(
            replace(it, free=self._size(index) if first <= it.token < end or it.token in rest else it.free)
            for index, it in enumerate(self.entries)
        )
        self._limit_free()

    def report_free(self, count: Callable[[Range], int]) -> bool:
        """Note how many addresses are free in each range of this peer, and return whether that is new."""
        entries = []
        for index, entry in enumerate(self.entries):
            new = entry
            if entry.peer == self.own:
                free = sum(map(count, self._parts(entry.token, self._token_after(index))))
                if free != entry.free:
                    new = replace(entry, free=free, version=entry.version + 1)
            entries.append(new)
        has_changed = tuple(entries) != self.entries
        self.entries = tuple(entries)
        return has_changed

    def donors(self, within: Range) -> dict[str, int]:
        """Return the other peers that have free addresses in a range, with their numbers."""
        found: dict[str, int] = {}
        for index, entry in enumerate(self.entries):
            overlaps = any(
                first < within[1] and within[0] < end
                for first, end in self._parts(entry.token, self._token_after(index))
            )
            if entry.peer != self.own and entry.free and overlaps:
                found[entry.peer] = found.get(entry.peer, 0) + entry.free
        return found

    def merge(self, news: RingNews, is_used: Callable[[Range], bool]) -> bool:
        """Take another peer's ring, and return whether it has changed this one.

        ``is_used`` says whether addresses of a range are in use here: they are not given away.

        Raises:
            RingError: the two rings do not belong together.
        """
        self._check(news.entries, news)
        if news.seeds and self.seeds and news.seeds != self.seeds:
            raise RingError(f"two rings were divided among other peers: {_listed(news.seeds)}; {_listed(self.seeds)}")
        if (news.first, news.end) != self.whole:
            raise RingError("two rings divide other networks")
        own = {entry.token: entry for entry in self.entries}
        merged = dict(own)
        for theirs in news.entries:
            mine = own.get(theirs.token)
            if mine is None:
                self._check_new(theirs, news, is_used)
                merged[theirs.token] = theirs
            else:
                merged[theirs.token] = self._newer(mine, theirs, is_used)
        entries = [merged[token] for token in sorted(merged)]
        before, self.entries = self.entries, tuple(entries)
        self._limit_free()
        self.seeds = self.seeds or news.seeds
        return self.entries != before

    def _check_new(self, theirs: Entry, news: RingNews, is_used: Callable[[Range], bool]) -> None:
        """Refuse a token in a range of this peer, of which addresses are in use, if others have set it."""
        if self.entries and theirs.peer != self.own and self.owner(theirs.token) == self.own:
            end = min((it.token for it in (*self.entries, *news.entries) if it.token > theirs.token), default=None)
            if any(map(is_used, self._parts(theirs.token, self.whole[0] if end is None else end))):
                raise RingError(f"{theirs.peer} says that it owns addresses that are in use here")

    def _newer(self, mine: Entry, theirs: Entry, is_used: Callable[[Range], bool]) -> Entry:
        is_own = mine.peer == self.own
        if mine.version > theirs.version or mine == theirs:
            return mine
        index = self.entries.index(mine)
        holds = is_own and any(map(is_used, self._parts(mine.token, self._token_after(index))))
        if mine.version == theirs.version:
            if mine.peer != theirs.peer and holds:
                raise RingError(f"{theirs.peer} says that it owns addresses that are in use here")
            return mine if mine.peer == theirs.peer or mine.free >= theirs.free else theirs
        if not is_own:
            return theirs
        if theirs.peer == self.own:  # another incarnation's news: what is known here is imposed
            return replace(mine, version=theirs.version + 1)
        if holds:
            raise RingError(f"{theirs.peer} says that it owns addresses that are in use here")
        return theirs

    def _check(self, entries: Iterable[Entry], news: RingNews) -> None:
        tokens = [it.token for it in entries]
        if tokens != sorted(set(tokens)):
            raise RingError("a ring's tokens are not in order")
        if any(not news.first <= token < news.end for token in tokens):
            raise RingError("a ring has a token outside its network")

    def _limit_free(self) -> None:
        """Let no range have more free addresses than it has addresses, because a range may have become smaller."""
        self.entries = tuple(replace(it, free=min(it.free, self._size(index))) for index, it in enumerate(self.entries))

    def _token_after(self, index: int) -> int:
        return self.entries[(index + 1) % len(self.entries)].token

    def _size(self, index: int) -> int:
        return sum(end - first for first, end in self._parts(self.entries[index].token, self._token_after(index)))

    def _parts(self, first: int, end: int) -> list[Range]:
        """Return the range between two tokens, in two parts if it is across the end of the network."""
        if end > first:
            return [(first, end)]
        return [part for part in ((self.whole[0], end), (first, self.whole[1])) if part[0] < part[1]]


def _divide(first: int, end: int, peers: Sequence[str]) -> list[Entry]:
    size = end - first
    if size == 0:
        return []
    if size == 1 or len(peers) == 1:
        return [Entry(first, peers[0], 0, size)]
    half = len(peers) // 2
    middle = first + size // 2
    return [*_divide(first, middle, peers[:half]), *_divide(middle + size % 2, end, peers[half:])]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
