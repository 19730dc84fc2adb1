"""A network to a shell for a person: where the terminal is, whose clock it is, and what is remembered of it."""

from __future__ import annotations

import cmd
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from emulator.completion import HISTORY, PROMPT, complete
from emulator.docker.model import DockerHost
from emulator.kernel.guest import Guest
from emulator.kernel.terminal import run_on_terminal
from emulator.measure.captures import CaptureRequest, handing_over
from emulator.messages import ShellLine, StopCaptures
from emulator.outside.channel import Channel
from emulator.outside.run_task import write_to
from emulator.outside.runner import NativeRunner, RunSettings, boot_of, job_of, open_runner
from emulator.overlays.model import OverlaySpec
from emulator.plan.model import Plan
from emulator.system.errors import EmulationError
from emulator.system.folders import state_folder
from emulator.system.signals import ended_after, interrupts
from emulator.task import Task

_HISTORY_LINES = 1000
_HISTORY_BYTES = 2**24


@interrupts()
def run_prompt(
    settings: RunSettings, plan: Plan, overlay: OverlaySpec | None = None, captures: tuple[CaptureRequest, ...] = (),
    machines: tuple[DockerHost, ...] = (),
) -> int:  # fmt: skip
    """Let a person work in a plan's network, and in an overlay on it, on this terminal; the exit status.

    In the real clock the shell is where the network is, and has the terminal. In a virtual one it is here, and the
    network's clock stands still while the person types.

    Raises:
        EmulationError: the machine cannot do it.
    """
    before = _remembered()
    asked = Task(plan, "shell", overlay, machines, history=before, captures=captures)
    if settings.is_virtual:
        return _run_here(settings, replace(asked, kind="serve", spins=True))
    if settings.choice.kernel is None:
        with NativeRunner(asked, settings.timeout_s, has_terminal=True) as place:
            status = None
            while status is None:
                with contextlib.suppress(KeyboardInterrupt):  # it is for the shell
                    status = place.wait_until(write_to(1), write_to(2), None)
            _remember(before, place.result(HISTORY, _HISTORY_BYTES))
            return status

    @contextlib.contextmanager
    def taking_back(guest: Guest) -> Iterator[None]:
        with handing_over(guest.result, captures):
            yield
            _remember(before, guest.result(HISTORY, _HISTORY_BYTES))

    keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
    return run_on_terminal(boot_of(settings), job_of(asked), keys, screen, taking_back)


class _Prompt(cmd.Cmd):
    """Reads lines here, and has them done there."""

    prompt = PROMPT

    def __init__(self, names: Sequence[str], plan: Plan, channel: Channel) -> None:
        super().__init__()
        self._names = sorted([*names, *(host.name for host in plan.hosts), *(switch.name for switch in plan.switches)])
        self._links = [circuit.id for circuit in plan.circuits]
        self._channel = channel

    def onecmd(self, line: str) -> bool:
        """Have a line done; whether it is the last. Ctrl-C is for what it started."""
        if line.strip() == "EOF":
            sys.stdout.write("\n")
            return True
        sys.stdout.flush()
        request = ShellLine(line)
        try:
            return self._channel.ask(request, write_to(1)).is_last
        except KeyboardInterrupt:
            self._channel.interrupt()
            return self._channel.await_reply(request, write_to(1)).is_last

    def completenames(self, text: str, *_: object) -> list[str]:
        """The first word of a line."""
        return complete(self._names, self._links, "", text)

    def completedefault(self, text: str, line: str, begin: int, _end: int) -> list[str]:
        """Any other."""
        return complete(self._names, self._links, line[:begin], text)


def _run_here(settings: RunSettings, task: Task) -> int:
    import readline

    plan, overlay = task.plan, task.overlay
    for line in task.history:
        readline.add_history(line)
    typed: list[str] = []
    with (
        ended_after(settings.timeout_s),  # of all, typing included; a place would count each line by itself
        Channel(open_runner(replace(settings, timeout_s=None), task), stops=True) as channel,
        handing_over(channel.result, task.captures),
    ):
        names = [container.name for container in overlay.containers] if overlay is not None else []
        prompt = _Prompt(names, plan, channel)
        prompt.intro = (
            f"{len(plan.hosts)} hosts, {len(plan.circuits)} circuits; {settings.choice.clock} clock. `help`, `exit`."
        )
        try:
            while True:
                try:
                    prompt.cmdloop()
                    break
                except KeyboardInterrupt:
                    sys.stdout.write("\n")
                    prompt.intro = None
        finally:
            for index in range(len(task.history) + 1, readline.get_current_history_length() + 1):
                typed.append(readline.get_history_item(index))
            _remember(task.history, "\n".join(typed).encode())
            with contextlib.suppress(EmulationError):  # it has died: what came until a moment before is in the files
                channel.ask(StopCaptures())
    return 0


def _file() -> Path:
    """The history.

    Raises:
        EmulationError: the user has no folder for it.
    """
    return state_folder() / "history"


def _remembered() -> tuple[str, ...]:
    with contextlib.suppress(OSError, EmulationError):
        return tuple(_file().read_text(errors="replace").splitlines()[-_HISTORY_LINES:])
    return ()


def _remember(before: Sequence[str], typed: bytes | None) -> None:
    """Add what was typed to the history; one that cannot be written is none."""
    lines = [line for line in (typed or b"").decode(errors="replace").splitlines() if line.isprintable()]
    if not lines:
        return
    kept = [*before, *lines][-_HISTORY_LINES:]
    with contextlib.suppress(OSError, EmulationError):
        _file().parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(_file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{line}\n" for line in kept))
