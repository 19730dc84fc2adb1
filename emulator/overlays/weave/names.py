"""The names of containers, Weave's DNS table: each host's entries, which gossip brings to all. As `nameserver.go`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from emulator.overlays.weave.forwarder import PeerName
from emulator.overlays.weave.gossip import Gossiper, Gossips
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.peers import name_text, parse_name
from emulator.system.decode import decode, encode

DOMAIN = "weave.local"
_TOMBSTONE_S = 1800.0


@dataclass(frozen=True, slots=True)
class NameEntry:
    """A name of a container on the host of the peer ``origin``. ``removed_s`` is when it was removed; 0 if it was not.

    Times are those of the lab's clock, which all hosts share.
    """

    host_name: str
    container: str
    origin: str
    address: str
    version: int
    removed_s: int

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The fields that identify the entry."""
        return self.host_name, self.container, self.origin, self.address


@dataclass(frozen=True, slots=True)
class NameNews:
    """The news of the channel ``nameserver``."""

    entries: tuple[NameEntry, ...]


class Names(Gossiper):
    """The table of a host's peer. ``is_known`` says whether a peer is known; entries of others are not taken."""

    channel = "nameserver"

    def __init__(self, loop: Loop, gossips: Gossips, own: PeerName, is_known: Callable[[PeerName], bool]) -> None:
        self._loop = loop
        self._gossips = gossips
        self._own = name_text(own)
        self._is_known = is_known
        self._entries: dict[tuple[str, str, str, str], NameEntry] = {}
        gossips.add(self)
        loop.call_later(_TOMBSTONE_S, self._bury)

    @property
    def entries(self) -> tuple[NameEntry, ...]:
        """All entries that were not removed, in order of their names."""
        return tuple(self._entries[key] for key in sorted(self._entries) if not self._entries[key].removed_s)

    def add(self, name: str, address: str) -> None:
        """Enter a container of this host."""
        self._put(NameEntry(f"{name}.{DOMAIN}", name, self._own, address, 0, 0))

    def forget(self, peer: str) -> None:
        """Forget the entries of a peer that is unreachable."""
        self._entries = {key: entry for key, entry in self._entries.items() if entry.origin != peer}

    def state(self) -> bytes | None:
        """Return all entries."""
        return encode(NameNews(tuple(self._entries.values()))) if self._entries else None

    def on_gossip(self, body: bytes) -> bytes | None:
        """Take news, and return those that were new."""
        new, _ = self._learn(body)
        return encode(NameNews(new)) if new else None

    def on_broadcast(self, source: PeerName, body: bytes) -> bytes | None:  # noqa: ARG002
        """Take news, and pass all of them on."""
        _, received = self._learn(body)
        return encode(NameNews(received)) if received else None

    def on_unicast(self, source: PeerName, body: bytes) -> None:
        """Do nothing, as Weave does: names go to all."""

    def _put(self, entry: NameEntry) -> None:
        old = self._entries.get(entry.key)
        entry = replace(entry, version=0 if old is None else old.version + 1)
        self._entries[entry.key] = entry
        self._gossips.broadcast(self.channel, encode(NameNews((entry,))))

    def _learn(self, body: bytes) -> tuple[tuple[NameEntry, ...], tuple[NameEntry, ...]]:
        """Take news; return the entries that were new, and all of peers that are known."""
        news = decode(NameNews, body, "the names")
        received = tuple(it for it in news.entries if self._is_known(parse_name(it.origin)))
        new = []
        for entry in received:
            mine = self._entries.get(entry.key)
            if entry.origin == self._own:
                self._correct(entry, mine)
            elif mine is None or mine.version < entry.version:
                self._entries[entry.key] = entry
                new.append(entry)
        return tuple(new), received

    def _correct(self, entry: NameEntry, mine: NameEntry | None) -> None:
        """Answer news about this host's own containers that are newer than what this host knows, as after a restart."""
        if mine is None and not entry.removed_s:
            self._entries[entry.key] = entry
            self._put(replace(entry, removed_s=self._now_s()))
        elif mine is not None and mine.version < entry.version:
            self._entries[entry.key] = entry
            self._put(mine)

    def _bury(self) -> None:
        self._loop.call_later(_TOMBSTONE_S, self._bury)
        now_s = self._now_s()
        self._entries = {
            key: entry
            for key, entry in self._entries.items()
            if not entry.removed_s or now_s - entry.removed_s <= _TOMBSTONE_S
        }

    def _now_s(self) -> int:
        return self._loop.turn_ns // 10**9 or 1
