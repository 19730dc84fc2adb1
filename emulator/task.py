"""Tasks: what to do in a plan's network, as a value that crosses as JSON from the user's process to the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.docker.model import DockerHost
from emulator.measure.captures import CaptureRequest
from emulator.measure.probe import IPV4, Family
from emulator.overlays.model import OverlaySpec
from emulator.plan.model import Plan
from emulator.workloads.model import WorkloadRequest
from gtsdsl.scenario.model import Scenario

TASK = "task.json"
"""The file in the shared folder that holds the task."""
RESULT = "result.json"
"""The file in the shared folder that holds the task's outcome."""

Kind: TypeAlias = Literal["actions", "shell", "serve", "survey"]
"""``actions`` end by themselves, a ``shell`` takes lines, ``serve`` takes requests (`emulator.messages`).

A ``survey`` makes no network: it looks for what overlays need (`emulator.overlays.catalog`)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line for a host's shell, as the user wrote it; ``host`` is the name of a host or of a container."""

    host: str
    command: str


@dataclass(frozen=True, slots=True)
class Task:
    """A plan's network, and the steps to do in it.

    ``actions`` are, in this order, the measurements (``probe_count``), the ``workload``, the ``commands`` and the
    ``script``.
    """

    plan: Plan
    kind: Kind = "actions"
    overlay: OverlaySpec | None = None
    docker_hosts: tuple[DockerHost, ...] = ()
    """The hosts that are Docker containers."""
    spins: bool = False
    """Whether ``serve`` waits for requests without sleeping, so that no time passes in a virtual clock."""
    probe_count: int = 0
    """The number of echoes over each circuit, and between containers; 0 measures nothing."""
    probe_families: tuple[Family, ...] = IPV4
    """The IP versions in which circuits are measured."""
    workload: WorkloadRequest | None = None
    """The measurement of a benchmark's cell; it needs an overlay, ``none`` at the least."""
    commands: tuple[Command, ...] = ()
    script: str | None = None
    """The path of a Python file."""
    lines: tuple[str, ...] = ()
    """Lines for the shell; without lines, it reads those that a person types."""
    history: tuple[str, ...] = ()
    """The lines that the user typed into the shell in earlier sessions."""
    captures: tuple[CaptureRequest, ...] = ()
    scenario: Scenario | None = None
    """The schedule of the network. Without other actions, the task lasts until its end."""
    keep_going: bool = False
    """Whether a step that fails lets the later ones run."""

    @property
    def container_names(self) -> tuple[str, ...]:
        """The names of the overlay's containers; none without an overlay."""
        return () if self.overlay is None else self.overlay.container_names

    @property
    def has_steps(self) -> bool:
        """Whether there is something to do but the scenario."""
        return bool(self.probe_count or self.workload or self.commands or self.script)
