"""Peers agree on one value, and on no other later."""

from __future__ import annotations

import random

import pytest

from emulator.overlays.weave.paxos import Claims, Participant, Proposal


def participants(count: int, quorum: int) -> list[Participant]:
    found = [Participant(f"02:00:00:00:00:{number:02x}", number) for number in range(count)]
    for each in found:
        each.quorum = quorum
    return found


def gossip(near: Participant, far: Participant) -> None:
    """Let one participant hear another."""
    if near.learn(far.known.values()):
        near.think()


def test_a_single_peer_agrees_with_itself() -> None:
    (alone,) = participants(1, 1)
    assert alone.agreed() is None
    alone.propose()
    assert alone.agreed() == ("02:00:00:00:00:00",)


def test_without_a_quorum_nothing_is_agreed() -> None:
    first, second, _ = participants(3, 2)
    first.propose()
    assert first.agreed() is None
    second.quorum = 0
    gossip(second, first)
    assert second.agreed() is None


def test_a_quorum_that_has_heard_of_each_other_agrees() -> None:
    first, second, third = participants(3, 2)
    first.propose()
    gossip(second, first)  # promises
    gossip(first, second)  # accepts
    gossip(second, first)
    assert second.agreed() == ("02:00:00:00:00:00", "02:00:00:00:00:01")
    gossip(first, second)
    assert first.agreed() == second.agreed()
    # one that comes later gets the same value, also by a proposal of its own
    third.propose()
    third.propose()
    for near, far in ((second, third), (third, second), (second, third), (first, third)):
        gossip(near, far)
    third.think()
    gossip(second, third)
    gossip(third, second)
    assert third.agreed() == first.agreed() == second.agreed()


def test_a_restarted_peer_is_another_node_because_it_has_forgotten_its_promises() -> None:
    first, _ = participants(2, 2)
    again = Participant("02:00:00:00:00:00", 77)
    again.quorum = 2
    first.propose()
    gossip(again, first)
    assert {claims.node for claims in again.known.values()} == {("02:00:00:00:00:00", 0), ("02:00:00:00:00:00", 77)}


@pytest.mark.parametrize("seed", range(40))
def test_whatever_the_order_only_one_value_is_agreed(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secrets come from it
    nodes = participants(5, 3)
    values = set()
    for step in range(400):
        if step % 40 == 0:
            chance.choice(nodes).propose()
        gossip(*chance.sample(nodes, 2))
        values |= {node.agreed() for node in nodes}
    values.discard(None)
    assert len(values) == 1


def test_claims_only_grow() -> None:
    (node,) = participants(1, 2)
    node.learn([Claims("b", 1, promise=Proposal(2, "b", 1))])
    assert not node.learn([Claims("b", 1, promise=Proposal(1, "z", 9))])
    assert node.known["b", 1].promise == Proposal(2, "b", 1)
