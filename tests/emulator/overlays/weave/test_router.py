"""Routers find each other by gossip, learn MAC addresses, relay, and refuse what is not theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.emulator.overlays.weave.manual import Mesh, frame

OURS, THEIRS = "correct horse", "battery staple"
SETTLED_S = 3.0
"""Announcements come a second after a change, and routes are calculated a tenth of a second later."""

Make = Callable[..., Mesh]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Mesh] = []

    def _make(*arguments: int, **options: object) -> Mesh:
        made.append(Mesh(*arguments, **options))  # type: ignore[arg-type]
        made[-1].loop.advance(SETTLED_S)
        return made[-1]

    yield _make
    for mesh in made:
        mesh.close()


def test_routers_that_are_told_of_one_other_find_all_by_gossip(make: Make) -> None:
    mesh = make(4, told=[[], [0], [0], [0]])
    for router in mesh.routers:
        others = {it.name for it in mesh.routers} - {router.name}
        assert set(router.connections) == others
        assert all(router.routes.next_hop(name) == name for name in others)
        assert all(router.own.connections[name].is_established for name in others)


def test_two_connections_at_the_same_time_become_one(make: Make) -> None:
    mesh = make(3, told=[[1, 2], [0, 2], [0, 1]])
    for router in mesh.routers:
        assert len(router.connections) == 2
        assert len(router.maker.connections) == 2
    ids = [
        {router.connections[other.name].uid for other in mesh.routers if other is not router} for router in mesh.routers
    ]
    assert len(ids[0] | ids[1] | ids[2]) == 3  # both ends kept the same one


def test_a_frame_to_an_unknown_address_goes_to_all_once_and_its_answer_to_one(make: Make) -> None:
    mesh = make(3)
    mesh.bridges[0].capture(frame(1, 3))
    assert [it.frames for it in mesh.bridges] == [[], [frame(1, 3)], [frame(1, 3)]]
    mesh.bridges[2].capture(frame(3, 1))
    assert [it.frames for it in mesh.bridges] == [[frame(3, 1)], [frame(1, 3)], [frame(1, 3)]]
    mesh.bridges[0].capture(frame(1, 3, b"again"))
    assert mesh.bridges[1].frames == [frame(1, 3)]
    assert mesh.bridges[2].frames == [frame(1, 3), frame(1, 3, b"again")]


def test_a_host_without_a_connection_is_reached_through_another(make: Make) -> None:
    mesh = make(3)
    for container, bridge in enumerate(mesh.bridges, 1):
        bridge.capture(frame(container, None))
    mesh.cut(0, 2)
    mesh.loop.advance(SETTLED_S)
    first, second, third = mesh.routers
    assert first.routes.next_hop(third.name) == second.name
    mesh.world[first.name].sent.clear()
    mesh.bridges[0].capture(frame(1, 3, b"relayed"))
    assert mesh.bridges[2].frames[-1] == frame(1, 3, b"relayed")
    assert frame(1, 3, b"relayed") not in mesh.bridges[1].frames
    assert mesh.world[first.name].sent == [(second.name, frame(1, 3, b"relayed"))]
    mesh.bridges[0].capture(frame(1, None, b"to all"))
    assert [it.frames.count(frame(1, None, b"to all")) for it in mesh.bridges] == [0, 1, 1]


def test_frames_that_stay_here_are_dropped(make: Make) -> None:
    mesh = make(2)
    bridge, sent = mesh.bridges[0], mesh.world[mesh.routers[0].name].sent
    bridge.capture(frame(1, None))
    bridge.capture(frame(2, None))
    del sent[:]
    bridge.capture(frame(1, 2))  # both are here
    bridge.capture(bytes.fromhex("0180c2000000") + frame(1, 2)[6:])  # of the spanning tree
    assert sent == []
    mesh.bridges[1].capture(frame(3, None))
    bridge.capture(frame(3, 1))  # its source is at the other peer: this router has injected it
    assert sent == []


def test_a_container_that_has_moved_is_learned_anew_and_decisions_are_forgotten(make: Make) -> None:
    mesh = make(3)
    mesh.bridges[1].capture(frame(9, None))
    first, method = mesh.routers[0], mesh.world[mesh.routers[0].name]
    assert first.macs.peer_of(frame(9, None)[6:12]) == mesh.routers[1].name
    before = method.invalidations
    mesh.routers[2].macs.forget(mesh.routers[1].name)
    mesh.bridges[2].capture(frame(9, None))
    assert first.macs.peer_of(frame(9, None)[6:12]) == mesh.routers[2].name
    assert method.invalidations == before + 1


def test_with_a_password_all_connect_and_another_password_is_refused(make: Make) -> None:
    mesh = make(2, password=OURS)
    assert all(len(it.connections) == 1 for it in mesh.routers)
    keys = {it.session_key for router in mesh.routers for it in router.connections.values()}
    assert len(keys) == 1
    assert {len(key or b"") for key in keys} == {32}
    mesh.bridges.append(mesh.bridges[0])
    mesh.password = THEIRS
    mesh.add(2, [f"{mesh.network}.1"], 2)
    mesh.loop.advance(SETTLED_S)
    assert mesh.routers[2].connections == {}
    assert not mesh.routers[0].knows(mesh.routers[2].name)
    (target,) = mesh.routers[2].maker.targets.values()
    assert target.last_error in (
        "the other end has closed it",
        "the other end has another password",
        "Connection reset by peer",
    )


def test_a_router_without_a_password_is_refused_by_one_with_a_password(
    make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    mesh = make(1, password=OURS)
    mesh.bridges.append(mesh.bridges[0])
    mesh.password = None
    mesh.add(1, [f"{mesh.network}.1"], 2)
    mesh.loop.advance(0.2)
    assert mesh.routers[1].connections == {}
    said = capsys.readouterr().err
    assert "the other end has a password, and this one none" in said
    assert "the other end has no password" in said


def test_a_router_that_leaves_is_forgotten_with_its_addresses_behind_it(make: Make) -> None:
    mesh = make(3)
    mesh.bridges[2].capture(frame(3, None))
    gone = mesh.routers[2]
    gone.maker._told = ()
    mesh.cut(2, 0)
    mesh.cut(2, 1)
    mesh.loop.advance(SETTLED_S)
    for router in mesh.routers[:2]:
        assert not router.knows(gone.name)
        assert router.macs.peer_of(frame(3, None)[6:12]) is None


def test_addresses_are_agreed_on_by_a_quorum_and_differ(make: Make) -> None:
    mesh = make(3)
    given: list[int] = []
    for allocator in mesh.allocators:
        allocator.allocate("c", given.append)
        mesh.loop.advance(1)
    assert len(set(given)) == 3
    rings = {allocator.ring.entries for allocator in mesh.allocators}
    assert {tuple((it.token, it.peer) for it in ring) for ring in rings} == {
        tuple((it.token, it.peer) for it in mesh.allocators[0].ring.entries)
    }
    assert sum(mesh.allocators[0].owned_counts().values()) == 256


def test_a_host_without_free_addresses_gets_some_of_another(make: Make) -> None:
    mesh = make(2)
    given: list[int] = []
    for number in range(130):  # more than half of the pool
        mesh.allocators[0].allocate(f"c{number}", given.append)
    mesh.loop.advance(6)
    assert len(set(given)) == 130
    ring = mesh.allocators[1].ring
    assert all(ring.owner(address) == mesh.allocators[0].ring.own for address in given)


def test_without_a_quorum_no_address_is_given(make: Make) -> None:
    mesh = make(1)
    mesh.allocators[0]._quorum = 2
    given: list[int] = []
    mesh.allocators[0].allocate("c", given.append)
    mesh.loop.advance(20)
    assert given == []
    assert mesh.allocators[0].ring.is_empty


def test_names_reach_all_and_go_with_their_host(make: Make) -> None:
    mesh = make(3)
    mesh.names[2].add("c3", "10.244.0.9")
    mesh.loop.advance(0.1)
    assert [[(it.host_name, it.address) for it in names.entries] for names in mesh.names] == [
        [("c3.weave.local", "10.244.0.9")]
    ] * 3
    mesh.names[0].forget(mesh.routers[2].name.hex(":"))
    assert mesh.names[0].entries == ()


def test_a_late_router_learns_all_at_once(make: Make) -> None:
    mesh = make(2)
    mesh.names[0].add("c1", "10.244.0.1")
    mesh.allocators[0].allocate("c1", lambda _: None)
    mesh.loop.advance(1)
    mesh.bridges.append(mesh.bridges[0])
    mesh.add(2, [f"{mesh.network}.1"], 2)
    mesh.loop.advance(0.2)
    assert mesh.names[2].entries == mesh.names[0].entries
    assert mesh.allocators[2].ring.entries == mesh.allocators[0].ring.entries
