"""What is to be done in a network, as a value that crosses, as JSON, to where the network runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias

from emulator.docker.model import DockerHost
from emulator.measure.captures import CaptureRequest
from emulator.overlays.model import OverlaySpec, spec_from_json, spec_to_json
from emulator.plan.json import from_json, to_json
from emulator.plan.model import Plan
from emulator.system.errors import EmulationError

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


def task_to_json(task: Task) -> bytes:
    """A task as JSON."""
    fields = {
        "plan": to_json(task.plan),
        "kind": task.kind,
        "machines": [asdict(machine) for machine in task.machines],
        "overlay": None if task.overlay is None else spec_to_json(task.overlay),
        "spins": task.spins,
        "probe_count": task.probe_count,
        "commands": [asdict(command) for command in task.commands],
        "script": task.script,
        "lines": task.lines,
        "history": task.history,
        "captures": [asdict(request) for request in task.captures],
        "keep_going": task.keep_going,
    }
    return json.dumps(fields).encode()


def task_from_json(data: bytes) -> Task:
    """The task that `task_to_json` wrote.

    Raises:
        EmulationError: it is none.
    """
    try:
        fields = json.loads(data)
        return Task(
            plan=from_json(fields["plan"]),
            kind=fields["kind"],
            machines=tuple(DockerHost(**machine) for machine in fields["machines"]),
            overlay=None if fields["overlay"] is None else spec_from_json(fields["overlay"]),
            spins=fields["spins"],
            probe_count=fields["probe_count"],
            commands=tuple(Command(**command) for command in fields["commands"]),
            script=fields["script"],
            lines=tuple(fields["lines"]),
            history=tuple(fields["history"]),
            captures=tuple(CaptureRequest(**request) for request in fields["captures"]),
            keep_going=fields["keep_going"],
        )
    except (ValueError, TypeError, KeyError) as error:
        raise EmulationError(f"this is no task: {type(error).__name__}: {str(error)[:100]!a}") from None
