"""Events of hosts: a host that is killed, and commands that start on a host."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.lab import reaper
from emulator.overlays.faults import agent_killed
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


@dataclass(slots=True)
class _Started:
    """A command that a scenario started; ``is_ended`` if the scenario ended it, or killed its host."""

    host: str
    command: tuple[str, ...]
    process: subprocess.Popen[bytes]
    output: Path
    is_ended: bool = False


class Hosts(Closing):
    """The hosts of a network, as the events of a scenario kill them and start commands on them."""

    def __init__(self, network: EmulatedNetwork, circuits: Circuits) -> None:
        self._network = network
        self._circuits = circuits
        self._names = {host.id: host.name for host in network.plan.hosts}
        self._killed: set[str] = set()
        self._started: list[_Started] = []

    def close(self) -> None:
        """Kill the commands that still run."""
        for item in self._started:
            if item.process.poll() is None:
                item.is_ended = True
                _signal(item.process, signal.SIGKILL)
                item.process.wait()

    def prepare(self, events: Sequence[Event]) -> None:
        """Start now what commands need, which would take time later."""
        if any(event.kind == "start" for event in events):
            self._network.lab.processes.start()

    def kill(self, event: Event) -> Begun:
        """Take a host's power: its circuits go down, and its processes and those of its containers are killed."""
        host = self._names[event.subject]
        ends = [end for link in self._network.links for end in (link.intf1, link.intf2) if end.node.name == host]
        self._circuits.set_down(ends)
        agent = contextlib.ExitStack()
        deployment = self._network.deployment
        if deployment is not None and host in deployment.overlay.agents:
            agent.enter_context(agent_killed(deployment, host))
        for item in self._started:
            item.is_ended = item.is_ended or (item.host == host and item.process.poll() is None)
        containers = [] if deployment is None else [it.name for it in deployment.spec.containers if it.host == host]
        lab = self._network.lab
        reaper.end_all({os.fstat(lab.namespace(name)).st_ino for name in (host, *containers)})
        self._killed.add(host)

        def undo() -> None:
            self._killed.discard(host)
            self._circuits.set_up(ends)
            agent.close()

        return Begun(undo)

    def start(self, event: Event) -> Begun:
        """Start a command on a host, without input.

        Raises:
            EmulationError: the host is killed.
        """
        host = self._names[event.subject]
        if host in self._killed:
            raise EmulationError(f"{host} is killed, and starts nothing")
        lab = self._network.lab
        folder = lab.run_folder / "scenario"
        folder.mkdir(exist_ok=True)
        output = folder / str(len(self._started))
        with output.open("xb") as file:
            process = lab.processes.popen(
                lab.namespace(host), event.command, subprocess.DEVNULL, file.fileno(), file.fileno()
            )
        started = _Started(host, event.command, process, output)
        self._started.append(started)
        return Begun(partial(_end, started))

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
            for item in self._started
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
