"""A peer's knowledge of the others, and the news that it believes."""

from __future__ import annotations

import random
from collections.abc import Iterable

import pytest

from emulator.overlays.weave.peers import KnownConnection, Peer, name_text, parse_name
from emulator.overlays.weave.topology import ConnectionNews, PeerNews, Topology, TopologyNews


def name(number: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, number))


class Seen:
    """A topology whose own peer has number 1, and what it has called."""

    def __init__(self, short_id: int = 1) -> None:
        self.removed: list[bytes] = []
        self.short_ids = self.changes = 0
        own = Peer(name(1), "h1", 11, 0, short_id)
        chance = random.Random(0)  # noqa: S311 - no secrets come from it
        self.topology = Topology(own, chance, lambda peer: self.removed.append(peer.name), self._move, self._change)

    def _move(self) -> None:
        self.short_ids += 1

    def _change(self) -> None:
        self.changes += 1

    def connect(self, number: int) -> None:
        self.topology.add(Peer(name(number), f"h{number}", number, 0, number))
        self.topology.own.connections[name(number)] = KnownConnection(
            name(number), f"192.0.2.{number}:6783", True, True
        )


def news(
    number: int, to: Iterable[int] = (), version: int = 1, uid: int | None = None, short_id: int | None = -1
) -> PeerNews:
    return PeerNews(
        name_text(name(number)),
        f"h{number}",
        number if uid is None else uid,
        version,
        number if short_id == -1 else short_id,
        tuple(ConnectionNews(name_text(name(it)), f"192.0.2.{it}:6783", True, True) for it in to),
    )


def test_news_about_unknown_peers_make_them_known_and_those_they_name() -> None:
    seen = Seen()
    seen.connect(2)
    received, newer = seen.topology.learn(TopologyNews((news(2, [1, 3]),)))
    assert received == newer == {name(2)}
    assert set(seen.topology.peers) == {name(1), name(2), name(3)}
    assert seen.topology.peers[name(3)].short_id is None
    assert seen.topology.peer_of(2) == name(2)
    _, newer = seen.topology.learn(TopologyNews((news(3, [2]),)))
    assert newer == {name(3)}
    assert seen.topology.peer_of(3) == name(3)


def test_old_news_change_nothing() -> None:
    seen = Seen()
    seen.connect(2)
    seen.topology.learn(TopologyNews((news(2, [1], version=5),)))
    for old in (news(2, [], version=4), news(2, [], version=5), news(2, [], version=5, uid=0)):
        assert seen.topology.learn(TopologyNews((old,))) == ({name(2)}, set())
        assert set(seen.topology.peers[name(2)].connections) == {name(1)}
    assert seen.topology.learn(TopologyNews((news(2, [], version=5, uid=3),)))[1] == {name(2)}


def test_peers_without_a_way_are_forgotten_but_not_those_that_are_being_connected() -> None:
    seen = Seen()
    seen.connect(2)
    seen.topology.learn(TopologyNews((news(2, [3]), news(3, [2]))))
    seen.topology.collect()
    assert seen.removed == []
    seen.topology.learn(TopologyNews((news(2, [], version=2),)))
    seen.topology.collect()
    assert seen.removed == [name(3)]
    assert seen.topology.peer_of(3) is None
    seen.topology.add(Peer(name(4), "h4", 4, 0, 4))
    seen.topology.collect()
    assert seen.removed == [name(3)]


def test_news_of_the_incarnation_before_are_answered_by_a_higher_version() -> None:
    seen = Seen()
    seen.topology.learn(TopologyNews((news(1, [2], version=7, uid=99),)))
    assert seen.topology.own.version == 8
    assert seen.changes == 1
    seen.topology.learn(TopologyNews((news(1, [2], version=9, uid=11),)))  # its own news, which has come around
    assert seen.topology.own.version == 8


def test_of_two_peers_with_one_short_id_the_one_of_the_lower_name_keeps_it() -> None:
    seen = Seen(short_id=7)
    seen.topology.learn(TopologyNews((news(2, [1], short_id=7),)))
    assert (seen.topology.own.short_id, seen.topology.peer_of(7)) == (7, name(1))
    chance = random.Random(0)  # noqa: S311 - no secrets come from it
    other = Topology(Peer(name(5), "h5", 5, 0, 7), chance, lambda _: None, seen._move, seen._change)
    other.learn(TopologyNews((news(2, [5], short_id=7),)))
    assert other.peer_of(7) == name(2)
    assert other.own.short_id not in (7, None)
    assert other.peer_of(other.own.short_id or 0) == name(5)
    assert (seen.short_ids, seen.changes, other.own.version) == (1, 1, 1)


@pytest.mark.parametrize(
    "bad",
    [
        news(2, short_id=4096),
        PeerNews("nonsense", "", 0, 0, None, ()),
        PeerNews("02:00:00:00:00", "", 0, 0, None, ()),
        PeerNews("02:00:00:00:00:02", "", 0, 0, None, (ConnectionNews("zz", "", True, True),)),
    ],
)
def test_malformed_news_change_nothing(bad: PeerNews) -> None:
    seen = Seen()
    with pytest.raises(ValueError, match=r"short id|name of a peer|hexadecimal"):
        seen.topology.learn(TopologyNews((news(3), bad)))
    assert set(seen.topology.peers) == {name(1)}


def test_names_are_written_like_mac_addresses() -> None:
    assert name_text(name(255)) == "02:00:00:00:00:ff"
    assert parse_name("02:00:00:00:00:ff") == name(255)
