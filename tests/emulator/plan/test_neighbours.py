"""The ends that are told their neighbours' addresses, and those that ask."""

from __future__ import annotations

from emulator.plan import plan
from emulator.plan.neighbours import permanent_neighbours
from gtsdsl.model.testbed import Testbed
from tests.emulator.topologies import joined, ring


def told(testbed: Testbed) -> list[tuple[str, str]]:
    """Return the nodes at the two ends, for each permanent entry of IPv4."""
    planned = plan(testbed)
    node_of = {end.mac: end.node for end in planned.ends}
    return [(it.interface.node, node_of[it.mac]) for it in permanent_neighbours(planned) if "." in it.address]


def test_neighbours_ask() -> None:
    assert told(joined([("a", "b", "999ms"), ("a", "s"), ("b", "s")], ("s",))) == []


def test_those_far_away_are_told() -> None:
    assert told(joined([("a", "b", "1s"), ("b", "c", "1ms")])) == [("a", "b"), ("b", "a")]


def test_those_at_switches_that_are_far_away_are_told() -> None:
    edges = [("a", "s", "400ms"), ("s", "t", "400ms"), ("t", "b", "400ms"), ("b", "c", "1ms")]
    assert told(joined(edges, ("s", "t"))) == [("a", "b"), ("b", "a")]


def test_where_there_are_many_all_are_told() -> None:
    assert len(told(ring(300))) == 600
