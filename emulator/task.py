"""What is to be done in a network, as a value that crosses, as JSON, to where the network runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.docker.model import DockerHost
from emulator.measure.captures import CaptureRequest
from emulator.overlays.model import OverlaySpec
from emulator.plan.model import Plan

TASK = "task.json"
"""The file, in the folder that both sides share, that holds the task."""
RESULT = "result.json"
"""The file that holds what came of it."""

Kind: TypeAlias = Literal["actions", "shell", "serve"]
"""``actions`` come to an end by themselves; a ``shell`` is for a person; ``serve`` takes requests (`channel`)."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line for a host's shell, as the user wrote it. ``host`` is the host's name in the plan."""

    host: str
    command: str


@dataclass(frozen=True, slots=True)
class Task:
    """What to do in a plan's network, in the order of the fields.

    ``script`` is the path of a Python file; ``lines`` are lines for the shell, which then is not a person's.
    """

    plan: Plan
    kind: Kind
    overlay: OverlaySpec | None = None
    machines: tuple[DockerHost, ...] = ()
    """The hosts that are to be containers of Docker."""
    spins: bool = False
    """Wait for requests without sleeping: in a virtual clock, no time passes meanwhile."""
    probe_count: int = 0
    """How many echoes go over each circuit."""
    commands: tuple[Command, ...] = ()
    script: str | None = None
    lines: tuple[str, ...] = ()
    history: tuple[str, ...] = ()
    """Lines that the shell's user typed in earlier sessions."""
    captures: tuple[CaptureRequest, ...] = ()
    keep_going: bool = False
