"""An outcome crosses from the network to the user's process as JSON, and the network is not trusted."""

from __future__ import annotations

import json

import pytest

from emulator.measure.drops import CIRCUIT, SOCKET, Drops
from emulator.measure.probe import CircuitProbe, WayProbe
from emulator.outcome import CommandResult, Outcome
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError

UNSEEN = WayProbe(5.75, None, None)
PROBE = CircuitProbe("l1", "h1", "h2", "icmp", 36_200.0, 36_201.5, 36_202.5, 1.0, 2, 0, (36_202.0, 36_203.0),
    WayProbe(18_100.75, 18_101.25, 0.5), WayProbe(18_100.75, 18_101.25, 0.5), (18_101.0, 18_101.5))  # fmt: skip
LOST = CircuitProbe("l2", "h2", "s1", "frame", 10.0, 11.5, None, None, 2, 2, (), UNSEEN, UNSEEN, ())


def test_an_outcome_of_nothing_is_a_success() -> None:
    assert Outcome().exit_status == 0


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(),
        Outcome(probe=(PROBE, LOST)),
        Outcome(exit_status=143, commands=(CommandResult("h1", "kill $$", 143, 2_000_000_000),)),
        Outcome(drops=(Drops(CIRCUIT, "h1", "l1", 3), Drops(SOCKET, "h2", None, 1))),
    ],
)
def test_an_outcome_crosses_as_json_unchanged(outcome: Outcome) -> None:
    assert decode(Outcome, encode(outcome), "the result") == outcome


@pytest.mark.parametrize(
    ("field", "value"),
    [("exit_status", "0"), ("exit_status", None), ("drops", [["circuit", "h1", "l1", 3]]), ("probe", {}), ("more", 1)],
)
def test_a_guests_outcome_of_another_form_is_refused(field: str, value: object) -> None:
    document = {**json.loads(encode(Outcome())), field: value}
    with pytest.raises(EmulationError, match=r"^the result is malformed: "):
        decode(Outcome, json.dumps(document), "the result")
