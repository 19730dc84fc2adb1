"""A watch over pairs of hosts, before, during and after a fault of their circuit."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from emulator.lab.circuits import set_state
from emulator.lab.lab import Lab
from emulator.measure.watch import Watch
from emulator.plan import Options, plan
from tests.emulator.topologies import joined

pytestmark = pytest.mark.networks

PLAN = plan(joined([("a", "b"), ("b", "c")]), Options(impaired=False))
ADDRESSES = {host.name: host.loopback for host in PLAN.hosts}
PAIRS = [("a", "b"), ("b", "c")]
STEP_S, PATIENCE_S, WHILE_S = 0.05, 1.0, 0.3
"""A round trip here takes less than a millisecond; only a machine that stands still for a second would lose one."""
SAME_MS, FARTHER_MS = 50.0, 500.0
"""On a busy machine, single round trips take some milliseconds more. In 5 s, a pair that is as before is noticed."""


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab(PLAN) as lab:
        yield lab


def watch(lab: Lab) -> Watch:
    return Watch(lab, ADDRESSES, PAIRS, STEP_S, PATIENCE_S)


def set_circuit(lab: Lab, *, is_up: bool) -> None:
    for end in PLAN.circuits[0].ends:
        set_state(lab, end, is_up=is_up)


def test_pairs_that_answer_have_lost_nothing(lab: Lab) -> None:
    with watch(lab) as watching:
        assert watching.watch(WHILE_S) == 0.0
        assert watching.last_ms().keys() == set(PAIRS)
        assert (watching.sent > 0, watching.lost) == (True, {})


def test_a_pair_whose_last_echoes_are_lost_has_the_round_trip_of_the_last_that_was_answered(lab: Lab) -> None:
    with watch(lab) as watching:
        watching.watch(WHILE_S)
        before_ms = watching.last_ms()[("a", "b")]
        set_circuit(lab, is_up=False)
        watching.watch(WHILE_S)
        assert ("a", "b") not in watching.last_ms()
        assert 0 < watching.answered_ms()[("a", "b")] < before_ms + FARTHER_MS
        assert watching.answered_ms().keys() == set(PAIRS)


def test_a_pair_whose_circuit_is_down_loses_all_and_the_other_nothing(lab: Lab) -> None:
    set_circuit(lab, is_up=False)
    with watch(lab) as watching:
        assert watching.watch(WHILE_S) is None
        assert watching.last_ms().keys() == {("b", "c")}
        assert watching.lost == {("a", "b"): watching.sent / 2}
        assert watching.first_answer_ns(WHILE_S) is None


def test_it_tells_when_all_is_as_before(lab: Lab) -> None:
    with watch(lab) as watching:
        watching.watch(WHILE_S)
        before_ms = watching.last_ms()
    began_ns = time.time_ns()
    with watch(lab) as watching:
        back_s = watching.until_as_before(before_ms, began_ns, 60.0, same_ms=SAME_MS)
        assert back_s is not None
        assert back_s >= 0
    began_ns = time.time_ns()
    with watch(lab) as watching:  # another way, by the round trip
        farther_ms = {pair: rtt + FARTHER_MS for pair, rtt in before_ms.items()}
        assert watching.until_as_before(farther_ms, began_ns, 5.0, same_ms=SAME_MS) is None


def test_the_time_of_the_first_answers(lab: Lab) -> None:
    began_ns = time.time_ns()
    with watch(lab) as watching:
        answered_ns = watching.first_answer_ns(60.0)
        assert answered_ns is not None
        assert began_ns < answered_ns < time.time_ns()
