"""Events of hosts: a host that is killed, and commands that start on a host."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.lab import reaper
from emulator.overlays.faults import agent_killed, store_killed
from emulator.scenario.begun import Begun
from emulator.scenario.circuits import Circuits
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from emulator.system.signals import shell_status
from gtsdsl.scenario.model import Event
from gtsdsl.scenario.outcome import CommandEnd

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

OUTPUT_BYTES = 2**16
"""The most bytes of a command's output that a result has: the last ones."""
# Its arguments are the command. It waits for a line of standard input, which the command does not get.
_WAIT = 'read -r _ && exec "$@" < /dev/null'


@dataclass(slots=True)
class _Started:
    """A command that a scenario started; ``is_ended`` if the scenario ended it, or killed its host."""

    host: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes]
    output: Path
    gate: int
    """The descriptor that lets the command begin."""
    is_begun: bool = False
    is_ended: bool = False


class Hosts(Closing):
    """The hosts of a network, as the events of a scenario kill them and start commands on them."""

    def __init__(self, network: EmulatedNetwork, circuits: Circuits) -> None:
        self._network = network
        self._circuits = circuits
        self._names = {host.id: host.name for host in network.plan.hosts}
        self._killed: set[str] = set()
        self._started: dict[int, _Started] = {}

    def close(self) -> None:
        """Kill the commands that still run."""
        for item in self._started.values():
            if item.process.poll() is None:
                item.is_ended = True
                _signal(item.process, signal.SIGKILL)
                item.process.wait()
            if item.gate >= 0:
                os.close(item.gate)
                item.gate = -1

    def wait(self) -> None:
        """Wait until all commands that have begun have ended."""
        for item in self._started.values():
            if item.is_begun:
                item.process.wait()

    def prepare(self, events: Sequence[Event]) -> None:
        """Start a process for each command, which waits for the command's time.

        To start a process takes half a millisecond of the network's time, in which no thread of this process runs. A
        command on a host that is killed before starts only at its time.
        """
        killed_ns = {event.subject: event.at_ns for event in reversed(events) if event.kind == "kill"}
        for number, event in enumerate(events):
            if event.kind == "start" and event.at_ns < killed_ns.get(event.subject, math.inf):
                self._started[number] = self._wait_to_start(event, number)

    def is_slow(self, event: Event, number: int) -> bool:
        """Return whether an event takes some time in which others may happen."""
        return event.kind == "kill" or (event.kind == "start" and number not in self._started)

    def kill(self, event: Event) -> Begun:
        """Take a host's power: its circuits go down, and its processes and those of its containers are killed."""
        host = self._names[event.subject]
        pairs = [(link.intf1, link.intf2) for link in self._network.links]
        # both ends, because the kernel would keep what waits at the other one for the host's return
        ends = [end for pair in pairs if host in {end.node.name for end in pair} for end in pair]
        self._circuits.set_down(ends)
        of_overlay = contextlib.ExitStack()
        deployment = self._network.deployment
        if deployment is not None:
            if host in deployment.overlay.agents:
                of_overlay.enter_context(agent_killed(deployment, host))
            if deployment.store is not None and deployment.store.runs_on(host):
                of_overlay.enter_context(store_killed(deployment))  # it starts again before the agent
        for item in self._started.values():
            item.is_ended = item.is_ended or (item.host == host and item.process.poll() is None)
        containers = [] if deployment is None else [it.name for it in deployment.spec.containers if it.host == host]
        lab = self._network.lab
        reaper.end_all({os.fstat(lab.namespace(name)).st_ino for name in (host, *containers)})
        self._killed.add(host)

        def undo() -> None:
            self._killed.discard(host)
            self._circuits.set_up(ends)
            if self._network.routers is not None:
                self._network.routers.start_on(host)
            of_overlay.close()

        return Begun(undo)

    def start(self, event: Event, number: int) -> Begun:
        """Start a command on a host, without input. ``number`` is that of the event.

        Raises:
            EmulationError: the host is killed.
        """
        host = self._names[event.subject]
        if host in self._killed:
            raise EmulationError(f"{host} is killed, and starts nothing")
        if number not in self._started:
            self._started[number] = self._wait_to_start(event, number)
        started = self._started[number]
        started.is_begun = True
        with contextlib.suppress(BrokenPipeError):  # the process was killed, as its status will say
            os.write(started.gate, b"\n")
        return Begun(partial(_end, started))

    def _wait_to_start(self, event: Event, number: int) -> _Started:
        """Start a process that becomes an event's command when its gate gets a line."""
        host, lab = self._names[event.subject], self._network.lab
        folder = lab.run_folder / "scenario"
        folder.mkdir(exist_ok=True)
        output = folder / str(number)
        near, gate = os.pipe()
        try:
            with output.open("xb") as file:
                line = ("sh", "-c", _WAIT, "sh", *event.command)
                process = lab.processes.popen(lab.namespace(host), line, near, file.fileno(), file.fileno())
        finally:
            os.close(near)
        return _Started(host, event.command, process, output, gate)

    @property
    def ends(self) -> tuple[CommandEnd, ...]:
        """The ends of the commands, after `close`."""
        return tuple(
            CommandEnd(
                item.host,
                item.command,
                None if item.is_ended else shell_status(item.process.wait()),
                _last_bytes(item.output).decode(errors="replace"),
            )
            for _, item in sorted(self._started.items())
            if item.is_begun
        )


def _end(started: _Started) -> None:
    if started.process.poll() is None:
        started.is_ended = True
        _signal(started.process, signal.SIGTERM)


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.killpg(process.pid, number)


def _last_bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - OUTPUT_BYTES))
        return file.read()
