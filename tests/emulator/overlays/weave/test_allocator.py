"""Addresses survive a router, and news that do not belong to the ring are refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.overlays.weave.allocator import AllocationNews, AllocatorState
from emulator.overlays.weave.ring import Entry, RingNews
from emulator.system.decode import decode, encode
from tests.emulator.overlays.weave.manual import Mesh


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    found = Mesh(2)
    found.loop.advance(3)
    yield found
    found.close()


def allocate(mesh: Mesh, host: int, *names: str) -> list[int]:
    found: list[int] = []
    for name in names:
        mesh.allocators[host].allocate(name, found.append)
        mesh.loop.advance(0.2)
    return found


def test_a_container_gets_the_same_address_again(mesh: Mesh) -> None:
    first, again, other = allocate(mesh, 0, "c1", "c1", "c2")
    assert first == again
    assert other == first + 1
    assert first == int(mesh.pool[1])  # not the network's own address


def test_what_was_saved_is_taken_again(mesh: Mesh) -> None:
    given = allocate(mesh, 0, "c1", "c2")
    saved = decode(AllocatorState, encode(mesh.allocators[0].saved), "the saved state")
    fresh = Mesh(1)
    fresh.allocators[0].restore(saved)
    found = allocate(fresh, 0, "c2", "c1", "c3")
    fresh.close()
    assert found[:2] == given[::-1]
    assert found[2] not in given


def test_nothing_was_saved_before_the_ring(mesh: Mesh) -> None:
    assert mesh.allocators[1].saved == AllocatorState(None, {})
    mesh.allocators[1].restore(AllocatorState(None, {}))
    assert mesh.allocators[1].ring.is_empty


def test_a_full_pool_gives_nothing_more(mesh: Mesh) -> None:
    first = allocate(mesh, 0, *(f"a{number}" for number in range(127)))
    second = allocate(mesh, 1, *(f"b{number}" for number in range(127)))
    assert len({*first, *second}) == 254
    assert allocate(mesh, 0, "one more") == []


def test_a_peer_without_free_addresses_says_so(mesh: Mesh, capsys: pytest.CaptureFixture[str]) -> None:
    allocate(mesh, 1, *(f"b{number}" for number in range(127)))
    allocate(mesh, 0, *(f"a{number}" for number in range(126)))
    mesh.allocators[0]._request("02:00:00:00:00:02", (0x0AF40001, 0x0AF40002))
    mesh.loop.advance(0.1)
    assert "02:00:00:00:00:02 has no free addresses" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("ring", "said"),
    [
        (RingNews(0, 10, (), ()), "divide other networks"),
        (RingNews(0x0AF40000, 0x0AF40100, ("a",), ()), "among other peers"),
        (RingNews(0x0AF40000, 0x0AF40100, (), (Entry(7, "a", 0, 0),)), "outside its network"),
    ],
)
def test_news_of_another_ring_are_refused(mesh: Mesh, ring: RingNews, said: str) -> None:
    allocate(mesh, 0, "c1")
    with pytest.raises(ValueError, match=said):
        mesh.allocators[0].on_gossip(encode(AllocationNews({}, (), ring)))


def test_nicknames_of_peers_without_addresses_are_forgotten(mesh: Mesh) -> None:
    allocate(mesh, 0, "c1")
    allocator = mesh.allocators[0]
    allocator.on_gossip(encode(AllocationNews({"02:00:00:00:00:09": "h9"}, (), None)))
    assert allocator.nicknames["02:00:00:00:00:09"] == "h9"
    for peer in ("02:00:00:00:00:09", "02:00:00:00:00:02"):
        allocator.forget(peer)
    assert set(allocator.nicknames) == {"02:00:00:00:00:01", "02:00:00:00:00:02"}
