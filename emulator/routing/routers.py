"""The routers of a lab: BIRD on each host, from the start until all routes are those of least cost."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import time
from collections.abc import Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path

from emulator import bird
from emulator.lab.daemons import Daemon, DaemonError, start_program
from emulator.lab.lab import Lab
from emulator.plan.routing import Cost, LeastCosts
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program
from gtsdsl.model.routing import Routing

_POLL_S = 0.1
_FEW_NAMED = 4
_BIRDC = "birdc"
_ROUTE = re.compile(r"(\S+/\d+)\s+unicast \[.*\] \* (?:\w+ )?\((?:\d+/)?(\d+)\)")
_AS_PATH, _MED = re.compile(r"\tBGP\.as_path: (.*)"), re.compile(r"\tBGP\.med: (\d+)")

# Its argument: the folder of the routers' folders, whose names are the numbers of the hosts' network namespaces.
_WRAPPER = """\
#!/bin/sh
# birdc for the host in which it is called
exec {birdc} -s {folder}/"$(stat -Lc %i /proc/self/ns/net)"/{socket} "$@"
"""


def require_bird(routing: Routing) -> None:
    """Check that this machine has what a routing protocol needs.

    Raises:
        EmulationError: BIRD is missing.
    """
    if bird.version() is None:
        raise EmulationError(f"--routing {routing.protocol}: {bird.MISSING}")


class Routers:
    """The BIRDs of a lab's hosts. They end with the lab."""

    def __init__(self, lab: Lab, routing: Routing) -> None:
        self._lab = lab
        self._routing = routing
        self._folder = lab.run_folder / "routing"
        self.daemons: dict[str, Daemon] = {}
        """The BIRDs, by the names of the hosts."""

    def start(self) -> None:
        """Start BIRD on all hosts, and wait until each host's routes are those of least cost.

        Raises:
            EmulationError: a BIRD cannot be started, has ended, or has not found its routes in time.
        """
        self._folder.mkdir(mode=0o700)
        self._add_birdc()
        for host in self._lab.plan.hosts:
            folder = self.folder(host.name)
            bird.check_path(folder)
            folder.mkdir(mode=0o700)
            (folder / bird.CONFIG_FILE).write_text(host.bird or "")
            self.start_on(host.name)
        self._await_routes()

    def start_on(self, host: str) -> None:
        """Start the BIRD of a host, for the first time or after it was killed. Routes come later.

        Raises:
            EmulationError: the BIRD cannot be started.
        """
        command = bird.command(self.folder(host))
        self.daemons[host] = start_program(self._lab, host, "bird", command, in_container=False)

    def folder(self, host: str) -> Path:
        """Return the folder of a host's BIRD; its name is the number of the host's network namespace."""
        return self._folder / str(os.fstat(self._lab.namespace(host)).st_ino)

    def ask(self, host: str, question: str) -> tuple[str, ...]:
        """Return the answer of a host's BIRD to a command, such as ``show ospf neighbors``.

        Raises:
            DaemonError: the BIRD has ended.
            OSError: it does not answer.
        """
        self.daemons[host].check()
        return bird.ask(self.folder(host), question)

    def costs(self, host: str) -> dict[str, Cost]:
        """Return the costs of a host's routes, by the address that each leads to."""
        if not (self.folder(host) / bird.SOCKET).exists():
            self.daemons[host].check()
            return {}
        if self._routing.protocol == "ospf":
            return ospf_costs(self.ask(host, "show route primary where source ~ [ RTS_OSPF, RTS_OSPF_IA ]"))
        return bgp_costs(self.ask(host, "show route primary all where source = RTS_BGP"))

    def _await_routes(self) -> None:
        """Wait until the routes of all hosts have the least costs.

        Where circuits lose so many packets that the protocol cannot use them, it is enough that all hosts are reached.
        """
        wanted = LeastCosts.in_plan(self._lab.plan).of
        patience_s = patience_of(self._routing)
        deadline_s = time.monotonic() + patience_s
        waiting = list(wanted)
        while waiting:
            found = self.costs(waiting[-1])
            if found == wanted[waiting[-1]]:
                waiting.pop()
                continue
            if time.monotonic() > deadline_s:
                break
            time.sleep(_POLL_S)
        unreached = {host: missing for host in waiting if (missing := wanted[host].keys() - self.costs(host).keys())}
        for host, missing in unreached.items():
            hosts = [it.name for it in self._lab.plan.hosts if missing & {it.loopback, it.ipv6_loopback}]
            listed = ", ".join(hosts[:_FEW_NAMED])
            raise DaemonError(
                f"{self.daemons[host]} has no route to {listed} after {patience_s:g} s: "
                f"{self.daemons[host].last_lines()}"
            )

    def _add_birdc(self) -> None:
        """Let `birdc` in a host ask the BIRD of that host."""
        program = find_program(_BIRDC)
        if program is None:
            return
        folder = self._folder / "bin"
        folder.mkdir(mode=0o700)
        path = folder / _BIRDC
        path.write_text(
            _WRAPPER.format(birdc=shlex.quote(program), folder=shlex.quote(str(self._folder)), socket=bird.SOCKET)
        )
        path.chmod(0o700)
        before = environment(os.environ)["PATH"]
        self._lab.processes.variables["PATH"] = f"{folder}{os.pathsep}{before}"


def patience_of(routing: Routing) -> float:
    """Return the longest time for the first routes, in seconds.

    OSPF: on a segment of several hosts, they wait for a dead interval before they elect one of them, then hellos show
    whom they elected, and an announcement that follows another waits for 5 s. BGP: sessions are tried again.
    """
    if routing.protocol == "ospf":
        return 2 * routing.dead_s + 4 * routing.hello_s + 10 * routing.tick_s + 60
    return 2 * routing.connect_retry_s + 120


def ospf_costs(lines: Sequence[str]) -> dict[str, Cost]:
    """Return the costs by address from the answer to ``show route primary``."""
    return {address: (0, cost) for address, cost, _ in _routes(lines)}


def bgp_costs(lines: Sequence[str]) -> dict[str, Cost]:
    """Return the costs by address from the answer to ``show route primary all``: the hops, and the metric."""
    found = {}
    for address, _, attributes in _routes(lines):
        paths = [match[1] for line in attributes if (match := _AS_PATH.match(line))]
        metrics = [int(match[1]) for line in attributes if (match := _MED.match(line))]
        if paths and metrics:
            found[address] = len(paths[0].split()), metrics[0]
    return found


def _routes(lines: Sequence[str]) -> Iterator[tuple[str, int, Sequence[str]]]:
    """Yield each route to a single address: the address, the last number in its parentheses, the lines below it."""
    starts = [number for number, line in enumerate(lines) if _ROUTE.match(line)]
    for start, end in itertools.pairwise([*starts, len(lines)]):
        match = _ROUTE.match(lines[start])
        if match is not None and ip_network(match[1]).num_addresses == 1:
            yield match[1].partition("/")[0], int(match[2]), lines[start + 1 : end]
