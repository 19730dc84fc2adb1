"""Checks that the outcome of a scenario can be that of its task's."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

from emulator.scenario.hosts import OUTPUT_BYTES
from emulator.task import Task
from gtsdsl.scenario.model import timeline
from gtsdsl.scenario.outcome import CommandEnd, Happening, ScenarioOutcome

_MOST_NS = 10**18
_LONGEST_ERROR = 2000
_STATUSES = range(256)


def scenario_faults(task: Task, outcome: ScenarioOutcome | None) -> Iterator[str]:
    """Yield what is wrong with the outcome of a task's scenario."""
    if task.scenario is None or outcome is None:
        if (task.scenario is None) != (outcome is None):
            yield "the task has no scenario and the result has one, or the other way round"
        return
    for item, point in itertools.zip_longest(outcome.happenings, timeline(task.scenario)):
        if item is None or point is None or (item.asked_ns, item.text) != (point.at_ns, point.text):
            yield "its scenario has other events than the task's"
            return
        if not _is_possible(item):
            yield f"an event of its scenario cannot have happened so: {item.text}"
    name_of = {host.id: host.name for host in task.plan.hosts}
    asked = [(name_of[it.subject], it.command) for it in task.scenario.events if it.kind == "start"]
    yield from _command_faults(asked, outcome.commands)


def _is_possible(item: Happening) -> bool:
    error = item.error or ""
    return (
        (item.actual_ns is None or 0 <= item.actual_ns < _MOST_NS)
        and len(error) <= _LONGEST_ERROR
        and error.isprintable()
        and 0 <= item.steps < _MOST_NS
        and 0 <= item.late_ns < _MOST_NS
    )


def _command_faults(asked: Sequence[tuple[str, tuple[str, ...]]], ends: Sequence[CommandEnd]) -> Iterator[str]:
    left = iter(asked)
    for end in ends:
        if (end.host, end.command) not in left:  # which takes the commands before it, because they did not start
            yield "its scenario has commands that the task does not have"
        if end.exit_status is not None and end.exit_status not in _STATUSES:
            yield f"a command of its scenario cannot end with {end.exit_status}"
        if len(end.output) > OUTPUT_BYTES:
            yield "a command of its scenario has too much output"
