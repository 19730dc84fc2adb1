"""Rings: division, grants, and merges of copies."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from emulator.overlays.weave.ring import Entry, Ring, RingError, RingNews

WHOLE = (0, 256)
A, B, C = "02:00:00:00:00:0a", "02:00:00:00:00:0b", "02:00:00:00:00:0c"


def ring(own: str, *peers: str) -> Ring:
    found = Ring(WHOLE, own)
    if peers:
        found.divide(peers)
    return found


def nothing_used(part: tuple[int, int]) -> bool:
    return part[0] == part[1]


def test_a_network_is_divided_by_halves() -> None:
    assert ring(A, A, B, C).entries == (Entry(0, A, 0, 128), Entry(128, B, 0, 64), Entry(192, C, 0, 64))
    assert ring(A, A).entries == (Entry(0, A, 0, 256),)
    small = Ring((0, 5), A)
    small.divide([A, B])
    assert small.entries == (Entry(0, A, 0, 2), Entry(3, B, 0, 2))
    assert small.owner(2) == A


def test_each_address_has_one_owner() -> None:
    found = ring(B, A, B, C)
    assert [found.owner(it) for it in (0, 127, 128, 191, 192, 255)] == [A, A, B, B, C, C]
    assert found.ranges_of(B) == ((128, 192),)
    assert ring(A).owner(5) is None
    assert ring(A).is_empty


def test_a_range_across_the_end_is_two() -> None:
    found = ring(A, A, B)
    found.entries = (Entry(10, A, 0, 0), Entry(200, B, 0, 0))
    assert found.ranges_of(B) == ((0, 10), (200, 256))
    assert found.owner(5) == B


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ((64, 128), "0 64 128"),
        ((0, 64), "0 64 128"),
        ((32, 64), "0 32 64 128"),
        ((0, 128), "0 128"),
    ],
)
def test_a_part_that_is_granted_is_the_others(part: tuple[int, int], tokens: str) -> None:
    found = ring(A, A, C)
    found.grant(part, B)
    assert " ".join(str(it.token) for it in found.entries) == tokens
    for address in range(256):
        expected = B if part[0] <= address < part[1] else A if address < 128 else C
        assert found.owner(address) == expected
    assert sum(it.free for it in found.entries if it.peer == B) == part[1] - part[0]
    # the other copies take it
    copies = [ring(B, A, C), ring(C, A, C)]
    for copy in copies:
        assert copy.merge(found.news(), nothing_used)
        assert [(it.token, it.peer) for it in copy.entries] == [(it.token, it.peer) for it in found.entries]
        assert not copy.merge(found.news(), nothing_used)


def test_the_last_part_of_the_network_can_be_granted() -> None:
    found = ring(C, A, C)
    found.grant((192, 256), B)
    assert [found.owner(it) for it in (0, 128, 191, 192, 255)] == [A, C, C, B, B]


def test_free_addresses_are_reported_and_make_donors() -> None:
    found = ring(A, A, B, C)
    assert found.report_free(lambda _: 3)
    assert found.entries[0] == Entry(0, A, 1, 3)
    assert not found.report_free(lambda _: 3)
    assert found.donors((0, 256)) == {B: 64, C: 64}
    assert found.donors((0, 128)) == {}
    assert found.donors((130, 140)) == {B: 64}


def test_rings_of_other_seeds_or_networks_do_not_belong_together() -> None:
    with pytest.raises(RingError, match="among other peers"):
        ring(A, A, B).merge(ring(C, A, C).news(), nothing_used)
    with pytest.raises(RingError, match="divide other networks"):
        ring(A).merge(Ring((0, 512), A).news(), nothing_used)
    with pytest.raises(RingError, match="not in order"):
        ring(A).merge(RingNews(0, 256, (), (Entry(5, A, 0, 0), Entry(4, B, 0, 0))), nothing_used)
    with pytest.raises(RingError, match="outside its network"):
        ring(A).merge(RingNews(0, 256, (), (Entry(256, A, 0, 0),)), nothing_used)


def test_nobody_takes_addresses_that_are_in_use() -> None:
    mine = ring(A, A, B)
    theirs = ring(B, A, B)
    theirs.entries = (replace(theirs.entries[0], peer=B, version=3), theirs.entries[1])
    with pytest.raises(RingError, match=f"{B} says that it owns addresses that are in use here"):
        mine.merge(theirs.news(), lambda _: True)
    assert mine.owner(0) == A
    theirs.entries = (Entry(0, A, 0, 64), Entry(64, B, 0, 64), Entry(128, B, 0, 128))
    with pytest.raises(RingError, match="in use here"):
        mine.merge(theirs.news(), lambda part: part == (64, 128))
    assert mine.merge(theirs.news(), lambda part: part != (64, 128))
    assert mine.owner(64) == B


def test_news_about_the_peers_own_ranges_from_before_its_restart_are_overruled() -> None:
    mine = ring(A, A, B)
    theirs = RingNews(0, 256, (A, B), (Entry(0, A, 9, 1), Entry(128, B, 0, 128)))
    mine.merge(theirs, lambda _: True)
    assert mine.entries[0] == Entry(0, A, 10, 128)


@pytest.mark.parametrize("seed", range(20))
def test_copies_become_the_same_whatever_the_order_of_gossip(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secrets come from it
    names = (A, B, C)
    rings = {name: ring(name, *names) for name in names}
    for _ in range(12):
        giver = chance.choice(names)
        owned = [part for part in rings[giver].ranges_of(giver) if part[1] - part[0] > 1]
        if owned:
            first, end = chance.choice(owned)
            rings[giver].grant(((first + end) // 2, end), chance.choice([it for it in names if it != giver]))
        near, far = chance.sample(names, 2)
        rings[near].merge(rings[far].news(), nothing_used)
    for _ in range(2):
        for near in names:
            for far in names:
                rings[near].merge(rings[far].news(), nothing_used)
    owners = [[rings[name].owner(address) for address in range(256)] for name in names]
    assert owners[0] == owners[1] == owners[2]
