"""Environments that ship with gtsdsl, what a file says of all circuits, and what a network makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import gtsdsl
from emulator.plan import Options, plan
from gtsdsl.circuits import Circuits, Effect, find, parse_circuits
from gtsdsl.circuits.environments import environment, environments
from gtsdsl.diagnostics import GtsError
from gtsdsl.source import Source
from tests.emulator.samples import MESH, Cli

ADDED = [[0, 0], [0.5, "2ms"], [1, 10]]


def parsed(document: object) -> Circuits:
    return parse_circuits(Source("own.json", json.dumps(document)))


@pytest.mark.parametrize("name", environments())
def test_each_environment_says_what_it_is_and_where_it_comes_from(name: str) -> None:
    found = environment(name)
    assert found.description
    assert found.sources
    assert found.circuits or found.every != Effect()


def test_each_two_regions_of_a_cloud_have_a_circuit() -> None:
    found = environment("azure-2024")
    codes = sorted(found.sites)
    pairs = {(first, second) for first in codes for second in codes if first < second}
    assert set(found.circuits) == pairs
    circuit = find("westeurope", "eastus", found)
    assert circuit is not None
    assert (circuit.rtt_ms, circuit.source) == (83.5, "the environment azure-2024")


def test_an_environment_does_to_all_circuits_what_its_file_says() -> None:
    custom = parsed({"every_circuit": {"added_ms": ADDED, "loss": "1%", "rate_share": 0.25}})
    for circuit in plan(gtsdsl.load(MESH), Options(circuits=custom)).circuits:
        first, second = (end.egress for end in circuit.ends)
        assert first is not None
        assert second is not None
        assert (first.loss.percent, first.rate_bps, first.added) == (1.0, 250_000_000, None)
        assert second.added is not None
        assert (second.loss.percent, second.added.mean_us) == (1.0, 3500)


def test_a_circuits_own_random_delays_come_before_those_of_all() -> None:
    circuits = [{"sites": ["AMS", "MIL"], "rtt_ms": 40, "added_ms": [[0, 0], [1, 1]]}]
    custom = parsed({"circuits": circuits, "every_circuit": {"added_ms": ADDED}})
    added = [circuit.second.egress and circuit.second.egress.added for circuit in
             plan(gtsdsl.load(MESH), Options(circuits=custom)).circuits]  # fmt: skip
    assert [it and it.most_us for it in added] == [1000, *[10_000] * 9]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"every_circuit": []}, "this must be an object"),
        ({"every_circuit": {"los": "1%"}}, "the key `los` has no meaning here"),
        ({"every_circuit": {"loss": "110%"}}, "110%"),
        ({"every_circuit": {"rate_share": 0}}, "a number above 0 and at most 1"),
        ({"every_circuit": {"rate_share": True}}, "a number above 0 and at most 1"),
        ({"every_circuit": {"added_ms": 4}}, "this must be a list"),
        ({"every_circuit": {"added_ms": [[0]]}}, "a quantile is a part and a delay"),
        ({"every_circuit": {"added_ms": [[0, 0], [2, 1]]}}, "from 0 to 1"),
        ({"every_circuit": {"added_ms": [[0, 5], [1, 1]]}}, "fall from one part to the next"),
        ({"every_circuit": {"added_ms": [[0, "5"], [1, 1]]}}, "is not a duration"),
        ({"every_circuit": {"added_ms": [[0, 0], *[[0.5, 1]] * 2000, [1, 1]]}}, "2 to 1024 quantiles"),
        ({"sources": ["x"] * 101}, "more than 100 sources"),
        ({"description": 4}, "this must be a text"),
    ],
)
def test_what_is_wrong_in_a_file_is_said(document: object, message: str) -> None:
    with pytest.raises(GtsError) as caught:
        parsed(document)
    assert message in str(caught.value)


def test_an_unknown_environment_is_refused_with_the_nearest(gtsdsl: Cli) -> None:
    done = gtsdsl("plan", str(MESH), "--environment", "azur-2024")
    assert (done.returncode, done.stdout) == (2, "")
    assert "error: --environment: unknown environment azur-2024; did you mean `azure-2024`?" in done.stderr


def test_an_environment_that_changes_nothing_is_refused(gtsdsl: Cli) -> None:
    done = gtsdsl("plan", str(MESH), "--environment", "azure-2024")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --environment: it has no circuit of this topology: its sites are WESTEUROPE")


def test_a_file_is_an_environment_too_and_rtt_comes_before_it(gtsdsl: Cli, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"AMS-MIL": 99, "AMS-BRA": 88}')
    done = gtsdsl("plan", str(MESH), "--environment", str(own), "--rtt", "AMS-BRA=77ms")
    assert done.returncode == 0, done.stderr
    assert "99.000 ms" in done.stdout
    assert "77.000 ms" in done.stdout
    assert "88.000 ms" not in done.stdout
