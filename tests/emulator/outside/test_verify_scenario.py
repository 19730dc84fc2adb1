"""An outcome that cannot be that of a task's scenario is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.outcome import Outcome
from emulator.outside.verify import verify_outcome
from emulator.plan import plan
from emulator.scenario.hosts import OUTPUT_BYTES
from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError
from emulator.task import Task
from gtsdsl.scenario import read_scenario
from gtsdsl.scenario.outcome import CommandEnd, Happening, ScenarioOutcome
from gtsdsl.source import Source
from tests.emulator.topologies import ring

TEXT = """
[[cut]]
from = 1
to = 2
link = "a-b"
[[start]]
at = 1
host = "h1"
command = ["false"]
[[start]]
at = 3
host = "h2"
command = ["true"]
"""
TASK = Task(plan(ring(3)), scenario=read_scenario(Source("storm.toml", TEXT)))
HAPPENED = ScenarioOutcome(
    (
        Happening(10**9, 10**9 + 512, "h1: start false"),
        Happening(10**9, 10**9 + 512, "cut a-b"),
        Happening(2 * 10**9, 2 * 10**9, "restore a-b", "no such link"),
        Happening(3 * 10**9, None, "h2: start true"),
    ),
    (CommandEnd("h1", ("false",), 1, "said"),),
)


def test_a_possible_outcome_is_taken_also_through_json() -> None:
    outcome = Outcome(1, scenario=HAPPENED)
    assert verify_outcome(TASK, decode(Outcome, encode(outcome), "it")) == outcome
    assert decode(Task, encode(TASK), "it") == TASK


def changed(number: int, **values: object) -> ScenarioOutcome:
    happenings = list(HAPPENED.happenings)
    happenings[number] = replace(happenings[number], **values)  # type: ignore[arg-type]
    return replace(HAPPENED, happenings=tuple(happenings))


@pytest.mark.parametrize(
    "forged",
    [
        None,
        replace(HAPPENED, happenings=HAPPENED.happenings[:3]),
        replace(HAPPENED, happenings=(*HAPPENED.happenings, HAPPENED.happenings[0])),
        changed(1, text="cut everything"),
        changed(1, asked_ns=5),
        changed(1, actual_ns=-1),
        changed(1, error="\x1b[31m"),
        changed(1, error="x" * 3000),
        changed(1, late_ns=-1),
        changed(1, steps=-1),
        replace(HAPPENED, commands=(CommandEnd("h1", ("true",), 1, ""),)),
        replace(HAPPENED, commands=(CommandEnd("h2", ("true",), 1, ""), CommandEnd("h1", ("false",), 0, ""))),
        replace(HAPPENED, commands=(CommandEnd("h1", ("false",), 256, ""),)),
        replace(HAPPENED, commands=(CommandEnd("h1", ("false",), 1, "x" * (OUTPUT_BYTES + 1)),)),
    ],
)
def test_an_impossible_outcome_is_refused(forged: ScenarioOutcome | None) -> None:
    with pytest.raises(EmulationError, match="the guest's result is refused"):
        verify_outcome(TASK, Outcome(1 if forged is None else forged.exit_status, scenario=forged))


def test_the_exit_status_follows_from_the_scenario() -> None:
    with pytest.raises(EmulationError, match="exit status"):
        verify_outcome(TASK, Outcome(0, scenario=HAPPENED))
