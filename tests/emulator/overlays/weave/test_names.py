"""Names of containers: entries of each host, their versions, and those that old news would bring back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from emulator.overlays.weave.names import NameEntry, NameNews
from emulator.system.decode import encode
from emulator.system.errors import EmulationError
from tests.emulator.overlays.weave.manual import Mesh

OWN, OTHER, UNKNOWN = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:09"


@pytest.fixture
def mesh() -> Iterator[Mesh]:
    found = Mesh(2)
    found.loop.advance(3)
    yield found
    found.close()


def news(*entries: NameEntry) -> bytes:
    return encode(NameNews(entries))


def entry(origin: str, version: int = 0, removed_s: int = 0, address: str = "10.244.0.2") -> NameEntry:
    return NameEntry("c2.weave.local", "c2", origin, address, version, removed_s)


def test_news_are_new_once(mesh: Mesh) -> None:
    names = mesh.names[0]
    assert names.on_gossip(news(entry(OTHER))) == news(entry(OTHER))
    assert names.on_gossip(news(entry(OTHER))) is None
    assert names.on_broadcast(b"", news(entry(OTHER))) == news(entry(OTHER))
    assert names.entries == (entry(OTHER),)
    assert names.on_gossip(news(entry(OTHER, 1, removed_s=5))) is not None
    assert not names.entries
    assert names.on_gossip(news(entry(OTHER, 0))) is None


def test_entries_of_unknown_peers_are_not_taken(mesh: Mesh) -> None:
    assert mesh.names[0].on_broadcast(b"", news(entry(UNKNOWN))) is None
    assert mesh.names[0].entries == ()


def shown(mesh: Mesh, host: int) -> list[tuple[str, int]]:
    mesh.loop.advance(0.1)
    return [(it.address, it.version) for it in mesh.names[host].entries]


def test_a_host_knows_its_own_containers_best(mesh: Mesh) -> None:
    names = mesh.names[0]
    names.on_gossip(news(entry(OWN, 3)))  # of its incarnation before, which it does not remember
    assert shown(mesh, 0) == shown(mesh, 1) == []
    names.add("c2", "10.244.0.2")
    ((address, version),) = shown(mesh, 1)
    assert address == "10.244.0.2"
    names.on_gossip(news(entry(OWN, version + 5, removed_s=7)))
    assert shown(mesh, 1) == [("10.244.0.2", version + 6)]


def test_removed_entries_are_forgotten_after_half_an_hour(mesh: Mesh) -> None:
    names = mesh.names[0]
    names.on_gossip(news(entry(OTHER, 1, removed_s=1)))
    names._bury()
    assert names.state() is not None
    mesh.loop.time_ns += 1900 * 10**9
    mesh.loop.turn_ns = mesh.loop.time_ns
    names._bury()
    assert names.state() is None


def test_malformed_names_are_refused(mesh: Mesh) -> None:
    with pytest.raises(EmulationError):
        mesh.names[0].on_gossip(b'{"entries": [1]}')
    with pytest.raises(ValueError, match="hexadecimal"):
        mesh.names[0].on_gossip(news(entry("no name")))
