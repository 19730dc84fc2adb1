"""The part of a run's result that is about its overlay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.options import OverlayOptions
from emulator.overlays.model import Connection, FirstPacket, PairProbe
from emulator.overlays.outcome import OverlayOutcome, overlay_outcome
from emulator.overlays.spec import make_spec
from emulator.plan import Options, plan
from tests.emulator.topologies import joined

PLAN = plan(joined([("a", "b")]), Options(impaired=False))
FIRST = FirstPacket("a", "b", 5)
PAIR = PairProbe("a", "b", ("c1", "c2"), ("l1",), 1.0, 1.0, 1.0, 0.0, 1, 0, (1.0,))
OUTCOME = OverlayOutcome("none", 0, None, None, {"c1": "100.64.0.1", "c2": "100.64.0.2"}, (FIRST,), (PAIR,), {})


@pytest.mark.parametrize(
    ("outcome", "has_gaps"),
    [
        (OUTCOME, False),
        (replace(OUTCOME, first_packets=(), pairs=()), False),
        (replace(OUTCOME, first_packets=(FIRST, FirstPacket("a", "b", None))), True),
        (replace(OUTCOME, pairs=(PAIR, replace(PAIR, container_us=None))), True),
        (replace(OUTCOME, pairs=(replace(PAIR, machine_us=None),)), False),
        (replace(OUTCOME, connections=(Connection("a", "b", "fastdp", True),)), False),
        (replace(OUTCOME, connections=(Connection("a", "b", "sleeve", False),)), True),
    ],
    ids=[
        "all reached", "nothing measured", "no first packet", "no echo between containers", "no echo between hosts",
        "the wanted way", "another way",
    ],
)  # fmt: skip
def test_an_outcome_has_gaps_if_a_pair_is_not_joined_as_asked(outcome: OverlayOutcome, has_gaps: bool) -> None:
    assert outcome.has_gaps is has_gaps


@pytest.mark.networks
@pytest.mark.parametrize("probe_count", [0, 2])
def test_a_deployments_outcome_has_round_trips_only_if_they_are_wanted(probe_count: int) -> None:
    steps: list[str] = []
    with EmulatedNetwork(PLAN) as network:
        network.deploy(make_spec(PLAN, OverlayOptions("none")), None, lambda _: None)
        assert network.deployment is not None
        outcome = overlay_outcome(network.deployment, probe_count, steps.append)
    assert (outcome.agent, outcome.overhead_bytes, outcome.store, outcome.store_ns) == ("none", 0, None, None)
    assert outcome.addresses == {"c1": "100.64.0.1", "c2": "100.64.0.2"}
    assert [(item.first, item.second) for item in outcome.first_packets] == [("a", "b")]
    assert outcome.state.keys() == {"a", "b"}
    assert [(pair.containers, pair.sent) for pair in outcome.pairs] == ([(("c1", "c2"), 2)] if probe_count else [])
    assert steps == (["measuring between containers"] if probe_count else [])
