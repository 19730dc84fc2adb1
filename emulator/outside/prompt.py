"""The shell for a person at a terminal, and its history."""

from __future__ import annotations

import cmd
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from emulator.completion import HISTORY, PROMPT, complete
from emulator.kernel.guest import Guest
from emulator.kernel.terminal import run_on_terminal
from emulator.measure.captures import handing_over
from emulator.messages import ShellLine, StopCaptures
from emulator.outside.channel import Channel
from emulator.outside.run_task import write_to
from emulator.outside.runner import NativeRunner, RunSettings, guest_boot, guest_job, open_runner
from emulator.plan.model import Plan
from emulator.system.errors import EmulationError
from emulator.system.folders import state_folder
from emulator.system.signals import ended_after, interrupts
from emulator.task import Task

_HISTORY_LINES = 1000
_HISTORY_BYTES = 2**24


@interrupts()
def run_prompt(settings: RunSettings, task: Task) -> int:
    """Run a ``shell`` task for the person at this terminal, and return the exit status.

    In a real clock, the shell runs beside the network and has the terminal. In a virtual clock, the prompt runs in this
    process, and the network's clock stands still while the person types.

    Raises:
        EmulationError: this machine cannot run the network.
    """
    task = replace(task, history=_read_history())
    if settings.is_virtual:
        return _serve_prompt(settings, replace(task, kind="serve", spins=True))
    if settings.choice.kernel is None:
        with NativeRunner(task, settings.timeout_s, has_terminal=True) as runner:
            status = None
            while status is None:
                with contextlib.suppress(KeyboardInterrupt):  # the shell gets it too, and handles it
                    status = runner.wait_until(write_to(1), write_to(2), None)
            _extend_history(task.history, runner.result(HISTORY, _HISTORY_BYTES))
            return status

    @contextlib.contextmanager
    def keeping_results(guest: Guest) -> Iterator[None]:
        with handing_over(guest.result, task.captures):
            yield
            _extend_history(task.history, guest.result(HISTORY, _HISTORY_BYTES))

    keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
    return run_on_terminal(guest_boot(settings), guest_job(task), keys, screen, keeping_results)


class _Prompt(cmd.Cmd):
    """A prompt that reads lines in this process, and has them done beside the network."""

    prompt = PROMPT

    def __init__(self, names: Sequence[str], plan: Plan, channel: Channel) -> None:
        super().__init__()
        self._names = sorted([*names, *(host.name for host in plan.hosts), *(switch.name for switch in plan.switches)])
        self._circuits = [circuit.id for circuit in plan.circuits]
        self._channel = channel

    def onecmd(self, line: str) -> bool:
        """Do one line; return whether it ends the shell. Ctrl-C ends the command that the line started."""
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
        """Return the words that complete the first word of a line."""
        return complete(self._names, self._circuits, "", text)

    def completedefault(self, text: str, line: str, begin: int, _end: int) -> list[str]:
        """Return the words that complete another word of a line."""
        return complete(self._names, self._circuits, line[:begin], text)


def _serve_prompt(settings: RunSettings, task: Task) -> int:
    """Run the prompt in this process, over a channel to the network."""
    import readline

    plan, overlay = task.plan, task.overlay
    for line in task.history:
        readline.add_history(line)
    typed: list[str] = []
    with (
        ended_after(settings.timeout_s),  # the whole session; a runner would time each line alone
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
            _extend_history(task.history, "\n".join(typed).encode())
            with contextlib.suppress(EmulationError):  # captures of a network that has died lack its last moment
                channel.ask(StopCaptures())
    return 0


def _history_file() -> Path:
    """Return the path of the user's history.

    Raises:
        EmulationError: the user has no home folder.
    """
    return state_folder() / "history"


def _read_history() -> tuple[str, ...]:
    """Return the lines of the history; none if it cannot be read."""
    with contextlib.suppress(OSError, EmulationError):
        return tuple(_history_file().read_text(errors="replace").splitlines()[-_HISTORY_LINES:])
    return ()


def _extend_history(before: Sequence[str], typed: bytes | None) -> None:
    """Write the history ``before`` and the lines that were typed; do nothing if it cannot be written."""
    lines = [line for line in (typed or b"").decode(errors="replace").splitlines() if line.isprintable()]
    if not lines:
        return
    kept = [*before, *lines][-_HISTORY_LINES:]
    with contextlib.suppress(OSError, EmulationError):
        path = _history_file()
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write("".join(f"{line}\n" for line in kept))
