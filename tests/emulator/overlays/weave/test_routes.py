"""Routes are shortest paths, the same on each peer, and a broadcast reaches each peer once."""

from __future__ import annotations

import itertools
import random

import pytest

from emulator.overlays.weave import routes
from emulator.overlays.weave.peers import KnownConnection, Peer
from tests.emulator.overlays.weave.manual import ManualLoop


def name(number: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, number))


def peers(*pairs: str, pending: str = "") -> dict[bytes, Peer]:
    """Return peers with connections as ``1-2``; ``pending`` are those that the first peer calls not established."""
    found: dict[bytes, Peer] = {}
    for pair in pairs:
        first, second = (name(int(it)) for it in pair.split("-"))
        for near, far in ((first, second), (second, first)):
            established = not (pair in pending.split() and near == first)
            found.setdefault(near, Peer(near)).connections[far] = KnownConnection(far, "", True, established)
    return found


def test_the_next_hop_is_on_a_shortest_path_and_of_several_on_that_of_the_least_name() -> None:
    ring = peers("1-2", "2-3", "3-4", "4-1")
    assert routes.unicast(ring, name(1), established=True) == {
        name(1): None, name(2): name(2), name(4): name(4), name(3): name(2),
    }  # fmt: skip
    line = peers("3-2", "2-1", "1-4")
    assert routes.unicast(line, name(3), established=True)[name(4)] == name(2)


def test_a_connection_counts_when_both_ends_call_it_established() -> None:
    half = peers("1-2", "2-3", "1-3", pending="1-3")
    assert routes.unicast(half, name(1), established=True)[name(3)] == name(2)
    assert routes.unicast(half, name(3), established=True)[name(1)] == name(2)
    assert routes.unicast(half, name(1), established=False)[name(3)] == name(3)


@pytest.mark.parametrize("seed", range(30))
def test_a_broadcast_reaches_each_peer_once(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secrets come from it
    pairs = [f"{a}-{b}" for a, b in itertools.combinations(range(8), 2) if chance.random() < 0.35]
    mesh = peers("0-1", *pairs)
    for source in mesh:
        counts = {source: 1}
        waiting = [source]
        while waiting:
            here = waiting.pop()
            for hop in routes.broadcast(mesh, source, here, established=True):
                counts[hop] = counts.get(hop, 0) + 1
                waiting.append(hop)
        assert counts == dict.fromkeys(routes.unicast(mesh, source, established=True), 1)


def test_a_broadcast_of_an_unknown_peer_goes_nowhere() -> None:
    mesh = peers("1-2", "3-4")
    assert routes.broadcast(mesh, name(9), name(1), established=True) == ()
    assert routes.broadcast(mesh, name(3), name(1), established=True) == ()


def test_changes_within_a_tenth_of_a_second_cause_one_calculation() -> None:
    loop, mesh = ManualLoop(), peers("1-2")
    calls = []
    found = routes.Routes(loop, mesh, name(1), lambda: calls.append(loop.time_ns))
    assert len(calls) == 1
    mesh.update(peers("1-2", "2-3"))
    for _ in range(3):
        found.recalculate()
    assert found.next_hop(name(3)) is None
    loop.advance(0.11)
    assert len(calls) == 2
    assert found.next_hop(name(3)) == name(2)
    assert found.next_hops_from(name(3)) == ()
    assert found.next_hops_from(name(1)) == (name(2),)
    assert found.neighbours_of_all() == {name(1): None, name(2): name(2), name(3): name(2)}
    found.recalculate()
    found.ensure()
    loop.advance(0.2)
    assert len(calls) == 3
