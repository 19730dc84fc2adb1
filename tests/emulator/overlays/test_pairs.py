"""The pairs of hosts that an overlay is measured between, and the expected round trips."""

from __future__ import annotations

import pytest

from emulator.overlays.pairs import expected_us, joined, median, pair_probe
from emulator.plan import Options, plan
from tests.emulator import topologies


def test_hosts_with_a_circuit_are_a_pair() -> None:
    pairs = joined(plan(topologies.joined([("a", "b"), ("b", "c")])))
    assert {pair: path and [circuit.id for circuit in path] for pair, path in pairs.items()} == {
        ("a", "b"): ["l1"],
        ("b", "c"): ["l2"],
    }


def test_a_switch_joins_all_its_hosts() -> None:
    pairs = joined(plan(topologies.joined([("a", "s"), ("b", "s"), ("c", "s")], ("s",))))
    assert set(pairs) == {("a", "b"), ("a", "c"), ("b", "c")}
    path = pairs["a", "c"]
    assert path is not None
    assert [circuit.id for circuit in path] == ["l1", "l3"]


def test_a_loop_of_switches_allows_several_paths() -> None:
    edges = [("a", "s"), ("s", "t"), ("t", "u"), ("u", "s"), ("u", "b")]
    assert joined(plan(topologies.joined(edges, ("s", "t", "u")))) == {("a", "b"): None}


def test_of_parallel_circuits_the_fastest_counts() -> None:
    pairs = joined(plan(topologies.joined([("a", "b", "5ms"), ("a", "b", "1ms")])))
    path = pairs["a", "b"]
    assert path is not None
    assert [circuit.id for circuit in path] == ["l2"]


def test_the_expected_round_trip_has_delays_and_bits() -> None:
    made = plan(topologies.joined([("a", "b", "5ms")]))
    bits_us = 2 * (98 + 50) * 8 / 1000  # at 1 Gbit/s, each way
    assert expected_us(made.circuits, 50) == pytest.approx(10_000 + bits_us, abs=0.001)
    assert expected_us(plan(topologies.joined([("a", "b")]), Options(impaired=False)).circuits, 50) == 0
    assert expected_us(None, 50) is None


def test_a_probe_counts_what_was_lost_and_the_error_of_the_median() -> None:
    made = plan(topologies.joined([("a", "b", "5ms")]))
    found = pair_probe(("a", "b"), ("c1", "c2"), made.circuits, 0, 10_001.0, (10_004.0, 10_002.0, 10_003.0), 5)
    expected = expected_us(made.circuits, 0)
    assert expected is not None
    assert (found.sent, found.lost, found.container_us) == (5, 2, 10_003.0)
    assert found.error_us == pytest.approx(10_003.0 - expected)


def test_without_answers_there_is_no_median() -> None:
    assert median(()) is None
    assert pair_probe(("a", "b"), ("c1", "c2"), None, 0, None, (), 3).error_us is None
