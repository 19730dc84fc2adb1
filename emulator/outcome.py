"""The outcome of a task, as a value that crosses as JSON from the network to the user's process."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.measure.drops import Drops
from emulator.measure.probe import CircuitProbe
from emulator.overlays.outcome import OverlayOutcome
from emulator.workloads.model import WorkloadResult
from gtsdsl.scenario.outcome import ScenarioOutcome


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The end of a command: its exit status as a shell has it, and its duration in the run's clock."""

    host: str
    command: str
    exit_status: int
    duration_ns: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a task. ``exit_status`` is that of the first step that failed, else of the scenario, or 0."""

    exit_status: int = 0
    probe: tuple[CircuitProbe, ...] = ()
    overlay: OverlayOutcome | None = None
    commands: tuple[CommandResult, ...] = ()
    drops: tuple[Drops, ...] = ()
    workload: WorkloadResult | None = None
    scenario: ScenarioOutcome | None = None
