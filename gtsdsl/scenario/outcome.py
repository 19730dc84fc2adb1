"""The outcome of a scenario: when each point was reached, and how its commands ended."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Happening:
    """A point of a scenario, as it happened. Times count from the scenario's start, in the network's clock.

    ``actual_ns`` is None if the run ended before. ``error`` is the sentence of an event that failed, or None. A trace
    has a number of ``steps``, of which none came later than by ``late_ns``.
    """

    asked_ns: int
    actual_ns: int | None
    text: str
    error: str | None = None
    steps: int = 0
    late_ns: int = 0


@dataclass(frozen=True, slots=True)
class CommandEnd:
    """The end of a command that a scenario started, and the last part of its output.

    ``exit_status`` is that of a shell; None for a command that the scenario or the end of the run ended.
    """

    host: str
    command: tuple[str, ...]
    exit_status: int | None
    output: str


@dataclass(frozen=True, slots=True)
class ScenarioOutcome:
    """The outcome of a scenario, in the order of its timeline."""

    happenings: tuple[Happening, ...]
    commands: tuple[CommandEnd, ...] = ()

    @property
    def exit_status(self) -> int:
        """The status of the first command that failed; 1 if only an event failed; else 0."""
        failed = any(happening.error is not None for happening in self.happenings)
        return next((end.exit_status for end in self.commands if end.exit_status), int(failed))
