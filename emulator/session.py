"""The library's interface to a running network: `emulate` and its `Session`, the same on every kernel."""

from __future__ import annotations

import contextlib
import os
import subprocess
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from emulator.cpu.shipped import NONE
from emulator.kernel.choose import choose
from emulator.kernel.kinds import Clock
from emulator.measure.captures import MOST_BYTES
from emulator.measure.probe import BOTH, CircuitProbe
from emulator.messages import (
    AwaitProcess,
    ImpairCircuit,
    ProbeCircuits,
    ProcessResult,
    ReadClock,
    ReadScenario,
    RunCommand,
    Sleep,
    StartCapture,
    StartCommand,
    StopCapture,
    StopProcess,
)
from emulator.options import HostOptions, OverlayOptions, RunOptions
from emulator.outside.channel import Channel
from emulator.outside.request import request_run
from emulator.outside.runner import open_runner, settle
from emulator.outside.verify import verify_probes
from emulator.plan import Options, Plan
from emulator.plan.model import SwitchKind
from emulator.system.errors import EmulationError
from emulator.system.folders import usable_umask
from gtsdsl.model.testbed import Testbed
from gtsdsl.model.values import Value
from gtsdsl.scenario.outcome import Happening
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from emulator.overlays.model import OverlaySpec
    from gtsdsl.circuits import Circuits
    from gtsdsl.scenario import Scenario


_FIELDS_OF_OVERLAY = {
    "containers": "containers",
    "runtime": "runtime",
    "store": "store",
    "overlay_network": "subnet_pool",
    "image": "image",
}
"""The fields of `OverlayOptions` that were keywords of `emulate` in version 0.1, by the keyword."""
_FIELDS_OF_HOSTS = ("image_map", "flavors")
"""The fields of `HostOptions` that were keywords of `emulate` in version 0.1."""


@contextlib.contextmanager
def emulate(
    topology: str | os.PathLike[str] | Testbed,
    *,
    kernel: str = "auto",
    clock: str = "auto",
    parameters: Mapping[str, Value] | None = None,
    circuits: Circuits | None = None,
    switch: SwitchKind = "ovs",
    seed: int = 1,
    routing: str | None = None,
    ipv4_only: bool = False,
    address_plan: str | os.PathLike[str] | None = None,
    overlay: str | OverlayOptions | None = None,
    hosts: HostOptions | None = None,
    cpu_model: str = NONE,
    cpus: float | Mapping[str, float] | None = None,
    offload: bool = True,
    scenario: str | os.PathLike[str] | None = None,
    memory_bytes: int | None = None,
    timeout_s: float | None = None,
    **renamed: Any,
) -> Iterator[Session]:
    """Run a topology as a network for as long as the context lasts.

    ``topology`` is the path of a file or a testbed; ``parameters`` set those of a file's root type. ``kernel`` and
    ``clock`` are as for ``gtsdsl emulate``; the default clock is virtual where the kernel has it. ``routing`` is that
    of ``--routing``, such as ``"ospf,hello=1,dead=4"``; None is the topology's, else static. With ``ipv4_only``, the
    network has no IPv6. ``address_plan`` is the path of a file with addresses (`gtsdsl.topology.address_plan`).
    ``overlay`` joins containers on all hosts; a text is the overlay's name, such as ``flannel:udp``. ``cpu_model`` is
    the cost table of the hosts' processors, by its name or in a file. ``cpus`` are the processors of all hosts, or by
    host or container; None is all cores. Without ``offload``, TCP sends packets of one segment. ``memory_bytes`` is the
    guest's memory; None is as much as the network needs. ``timeout_s`` limits each request, in wall time; None is no
    limit. In a virtual clock, no time passes between two requests. ``scenario`` is the path of a file that says what
    happens at which time (docs/scenarios.md). Its clock starts with the context. It may start commands, so it must be
    your own.

    The keywords ``containers``, ``runtime``, ``store``, ``overlay_network`` and ``image`` of version 0.1 are fields of
    `OverlayOptions` now, ``image_map`` and ``flavors`` are fields of `HostOptions`.

    Raises:
        GtsError: the topology, the cost table or the scenario has errors.
        EmulationError: the topology or this machine cannot run a network; the message says what to do.
    """
    from emulator.plan.cpu import check_names, check_scenario, cpu_choice
    from gtsdsl.loading import load
    from gtsdsl.topology.address_plan import load_address_plan

    overlay, hosts = _with_renamed(overlay, hosts, renamed)
    testbed = topology if isinstance(topology, Testbed) else load(topology, parameters=parameters)
    if address_plan is not None:
        testbed = load_address_plan(address_plan, testbed)
    cpu = cpu_choice(cpu_model, _share_texts(cpus), offload=offload)
    plan_options = Options(circuits=circuits, switch=switch, seed=seed, routing=routing, ipv6=not ipv4_only, cpu=cpu)
    request = request_run(testbed, plan_options, overlay, hosts)
    check_names(request.task.plan, cpu, request.task.container_names)
    options = RunOptions(kernel=kernel, clock=clock, memory_bytes=memory_bytes, timeout_s=timeout_s)
    settings = settle(options, choose(kernel, clock), request.memory_bytes)
    happens = _scenario(scenario, testbed, has_ipv6=not ipv4_only)
    check_scenario(request.task.plan, happens)
    task = replace(request.task, kind="serve", spins=settings.is_virtual, scenario=happens)
    with usable_umask(), Channel(open_runner(settings, task), stops=settings.is_virtual) as channel:
        yield Session(task.plan, settings.choice.clock, channel, task.overlay)


def _share_texts(cpus: float | Mapping[str, float] | None) -> tuple[str, ...]:
    """Return the processors of hosts as ``--cpus`` takes them."""
    if cpus is None:
        return ()
    if isinstance(cpus, Mapping):
        return tuple(f"{host}={number}" for host, number in cpus.items())
    return (str(cpus),)


def _scenario(path: str | os.PathLike[str] | None, testbed: Testbed, *, has_ipv6: bool) -> Scenario | None:
    if path is None:
        return None
    from gtsdsl.scenario import load_scenario

    return load_scenario(path, testbed, has_ipv6=has_ipv6)


def _with_renamed(
    overlay: str | OverlayOptions | None, hosts: HostOptions | None, renamed: dict[str, Any]
) -> tuple[OverlayOptions | None, HostOptions | None]:
    """Return the options of `emulate`, with the keywords of version 0.1 moved to their fields.

    Raises:
        TypeError: a keyword is unknown.
    """
    if unknown := renamed.keys() - {*_FIELDS_OF_OVERLAY, *_FIELDS_OF_HOSTS}:
        raise TypeError(f"emulate() has no parameter {', '.join(sorted(unknown))}")
    if renamed:
        message = f"{', '.join(renamed)}: use overlay=OverlayOptions(…) and hosts=HostOptions(…)"
        warnings.warn(message, DeprecationWarning, stacklevel=4)  # the caller of contextlib
    if isinstance(overlay, str):
        chosen = {field: renamed[name] for name, field in _FIELDS_OF_OVERLAY.items() if renamed.get(name) is not None}
        overlay = OverlayOptions(overlay, **chosen)
    chosen = {name: renamed[name] for name in _FIELDS_OF_HOSTS if renamed.get(name) is not None}
    if chosen:
        hosts = HostOptions(kind="docker" if "image_map" in chosen else "process", **chosen)
    return overlay, hosts


class Session:
    """A running network: its plan, its clock, its overlay or None, and the hosts by their names."""

    def __init__(self, plan: Plan, clock: Clock, channel: Channel, overlay: OverlaySpec | None) -> None:
        self.plan = plan
        self.clock = clock
        self.overlay = overlay
        self._channel = channel
        self._capture_count = 0
        self._hosts = {name: HostProxy(host.name, channel) for host in plan.hosts for name in (host.id, host.name)}
        for container in overlay.containers if overlay is not None else ():
            self._hosts[container.name] = HostProxy(container.name, channel)

    def __getitem__(self, host: str) -> HostProxy:
        """Return a host, by its id or its name, or a container, by its name.

        Raises:
            KeyError: the network has no such host.
        """
        if host not in self._hosts:
            near = did_you_mean(host, list(self._hosts))
            raise KeyError(f"unknown host {printable(host, 80)}{f'; {near}' if near else ''}")
        return self._hosts[host]

    def get(self, host: str) -> HostProxy:
        """Return a host, as `Mininet.get` does."""
        return self[host]

    @property
    def hosts(self) -> tuple[HostProxy, ...]:
        """The hosts, in the order of the topology, without containers."""
        return tuple(self._hosts[host.name] for host in self.plan.hosts)

    def probe(self, count: int = 3, *, family: Literal[4, 6, "both"] = 4) -> tuple[CircuitProbe, ...]:
        """Measure the round trip over each circuit with ``count`` echoes, and return it beside the expected one.

        ``family`` is the IP version of the echoes; with ``both``, each circuit between two hosts is there twice.

        Raises:
            EmulationError: the network has no IPv6, and ``family`` asks for it.
        """
        families = BOTH if family == "both" else (family,)
        answer = self._channel.ask(ProbeCircuits(count, families))
        return verify_probes(self.plan, answer.circuits, count, families)

    def link(self, circuit: str, *words: str) -> None:
        """Change a circuit: ``link("l1", "down")``, ``link("l1", "delay", "40ms", "loss", "1%")``.

        Raises:
            EmulationError: the network has no such circuit, or the words make no sense.
        """
        self._channel.ask(ImpairCircuit(circuit, words))

    @contextlib.contextmanager
    def capture(self, circuit: str, path: str | os.PathLike[str]) -> Iterator[None]:
        """Capture a circuit's packets in the context; after it, they are in the pcap file ``path``.

        Raises:
            EmulationError: the network has no such circuit, it is being captured, or the file cannot be written.
        """
        self._capture_count += 1
        file, shared_file = Path(path).absolute(), f"session-{self._capture_count}.pcap"
        self._channel.ask(StartCapture(circuit, str(file), shared_file))
        try:
            yield
        finally:
            self._channel.ask(StopCapture(circuit))
            # a network in this machine's kernel has written the user's file itself
            if (data := self._channel.result(shared_file, MOST_BYTES)) is not None:
                try:
                    file.write_bytes(data)
                except OSError as error:
                    raise EmulationError(f"{file}: {error.strerror}") from None

    def sleep(self, seconds: float) -> None:
        """Wait in the network's clock. In a virtual clock, this takes no time."""
        self._channel.ask(Sleep(seconds))

    def happenings(self) -> tuple[Happening, ...]:
        """Return the events of the scenario in the order of time, as they have happened so far; none without one."""
        return self._channel.ask(ReadScenario()).happenings

    def time_ns(self) -> int:
        """Return the network's clock, in nanoseconds since its kernel started."""
        return self._channel.ask(ReadClock()).time_ns


class HostProxy:
    """A host or a container of a running network."""

    def __init__(self, name: str, channel: Channel) -> None:
        self.name = name
        self._channel = channel

    def run(
        self, command: Sequence[str], *, timeout_s: float | None = None, check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the host to its end, and return what `subprocess.run` returns.

        Raises:
            subprocess.TimeoutExpired: the command took longer than ``timeout_s`` in the network's clock. It is killed.
            subprocess.CalledProcessError: ``check`` is set, and the command failed.
        """
        result = self._channel.ask(RunCommand(self.name, tuple(command), timeout_s))
        done = _completed(command, result, timeout_s)
        if check:
            done.check_returncode()
        return done

    def cmd(self, line: str) -> str:
        """Run a line in the host's shell, and return its output and errors, as Mininet's method of this name does."""
        return self.run(["sh", "-c", f"exec 2>&1\n{line}"]).stdout

    def start(self, command: Sequence[str]) -> ProcessProxy:
        """Start a command in the host, such as a server, and leave it running."""
        started = self._channel.ask(StartCommand(self.name, tuple(command)))
        return ProcessProxy(command, started.process, self._channel)

    def __repr__(self) -> str:
        return f"<host {self.name}>"


class ProcessProxy:
    """A process that `HostProxy.start` started."""

    def __init__(self, command: Sequence[str], number: int, channel: Channel) -> None:
        self._command = command
        self._number = number
        self._channel = channel

    def wait(self) -> subprocess.CompletedProcess[str]:
        """Wait in the network's clock until the process ends, and return its result, which is available once."""
        return _completed(self._command, self._channel.ask(AwaitProcess(self._number)))

    def stop(self) -> subprocess.CompletedProcess[str]:
        """End the process and its children (SIGTERM), and return its result, which is available once."""
        return _completed(self._command, self._channel.ask(StopProcess(self._number)))


def _completed(
    command: Sequence[str], result: ProcessResult, timeout_s: float | None = None
) -> subprocess.CompletedProcess[str]:
    if result.timed_out:
        raise subprocess.TimeoutExpired(list(command), timeout_s or 0.0, result.stdout, result.stderr)
    return subprocess.CompletedProcess(list(command), result.status, result.stdout, result.stderr)
