"""A scenario for people: its timeline before a run, and what happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from gtsdsl.scenario.model import Scenario, timeline
from gtsdsl.scenario.outcome import Happening
from gtsdsl.scenario.times import seconds_text
from gtsdsl.text import printable

_WIDTH = 16


def timeline_lines(scenario: Scenario) -> Iterator[str]:
    """Yield a line for each point of a scenario, and one for its end."""
    for point in timeline(scenario):
        yield f"{seconds_text(point.at_ns):>{_WIDTH}}  {printable(point.text, 200)}"
    waits = scenario.awaits_commands and any(event.kind == "start" for event in scenario.events)
    yield f"{seconds_text(scenario.end_ns):>{_WIDTH}}  end{', when the commands have ended' if waits else ''}"


def happening_lines(happenings: Sequence[Happening]) -> Iterator[str]:
    """Yield a line for each point of a scenario, with what became of it."""
    for item in happenings:
        yield f"{seconds_text(item.asked_ns):>{_WIDTH}}  {printable(item.text, 200)}{_remark(item)}"


def _remark(item: Happening) -> str:
    if item.actual_ns is None:
        return " (not reached)"
    if item.error is not None:
        return f" (failed: {printable(item.error, 200)})"
    late_ns = item.actual_ns - item.asked_ns
    return f" ({late_ns / 1000:.3f} µs late)" if late_ns >= 1000 else ""
