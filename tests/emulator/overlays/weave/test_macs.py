"""The table of MAC addresses: learning, moving, forgetting."""

from __future__ import annotations

from emulator.overlays.weave.macs import MAX_AGE_S, MacTable

MAC, OTHER = bytes((6, 0, 0, 0, 0, 1)), bytes((6, 0, 0, 0, 0, 2))
HERE, THERE = b"here..", b"there."
AGE_NS = int(MAX_AGE_S * 1e9)


def test_an_address_is_new_once() -> None:
    table = MacTable()
    assert table.peer_of(MAC) is None
    assert table.learn(MAC, HERE, 0, force=False) == (True, None)
    assert table.learn(MAC, HERE, 1, force=False) == (False, None)
    assert table.peer_of(MAC) == HERE


def test_an_address_moves_only_by_force() -> None:
    table = MacTable()
    table.learn(MAC, HERE, 0, force=False)
    assert table.learn(MAC, THERE, 1, force=False) == (False, HERE)
    assert table.peer_of(MAC) == HERE
    assert table.learn(MAC, THERE, 1, force=True) == (False, HERE)
    assert table.peer_of(MAC) == THERE


def test_an_address_is_forgotten_ten_minutes_after_its_last_frame() -> None:
    table = MacTable()
    table.learn(MAC, HERE, 0, force=False)
    table.learn(OTHER, HERE, 0, force=False)
    table.learn(MAC, HERE, AGE_NS // 2, force=False)
    assert table.expire(AGE_NS) == []
    assert table.expire(AGE_NS + 1) == [OTHER]
    assert table.expire(AGE_NS + AGE_NS // 2 + 1) == [MAC]


def test_the_addresses_of_a_peer_go_with_it() -> None:
    table = MacTable()
    table.learn(MAC, HERE, 0, force=False)
    table.learn(OTHER, THERE, 0, force=False)
    table.forget(HERE)
    assert (table.peer_of(MAC), table.peer_of(OTHER)) == (None, THERE)
