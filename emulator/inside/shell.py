"""The shell of a running network: Mininet's, with commands for circuits, captures and overlays."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mininet.cli import CLI
from mininet.log import error as say_error
from mininet.log import lg, output, setLogLevel

from emulator.completion import HISTORY, PROMPT, complete
from emulator.kernel.job import write_step
from emulator.mininet.impair import USAGE, impair, impairment_text
from emulator.netlink.state import read
from emulator.system.errors import EmulationError, in_a_line
from emulator.system.programs import find_program
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.naming import SHELL_COMMANDS

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.mininet.node import EmulatedNode
    from emulator.scenario.run import ScenarioRun
    from emulator.task import Task


class Shell(CLI):  # type: ignore[misc]
    """Mininet's shell over an emulated network. A line is a command of the shell, or a host's name and a command."""

    prompt = PROMPT
    helpStr = (
        "A host's name before a command runs it in the host. Hosts resolve each other's names:\n"
        "  gtsdsl> h1 ping -c 3 h2\n"
    )

    def __init__(self, network: EmulatedNetwork, scenario: ScenarioRun | None = None) -> None:
        """Make a shell that has read no line yet; `do` and `run` do lines."""
        self._scenario = scenario
        setLogLevel("output")
        for handler in lg.handlers:
            handler.setStream(sys.stdout)  # Mininet logs the answers of commands to standard error
        # Mininet's constructor reads lines at once, unless it gets a file of lines
        super().__init__(network, stdin=sys.stdin, script=os.devnull)
        self.inputFile = None

    @classmethod
    def initReadline(cls) -> None:
        """Do nothing: Mininet would keep a history in the user's home folder; `run_shell` keeps the shell's."""

    def do(self, line: str) -> bool:
        """Do one line; return whether it ends the shell. Ctrl-C ends the command that the line started."""
        try:
            return bool(self.onecmd(self.precmd(line)))
        except KeyboardInterrupt:
            output("\n")
            self._interrupt()
        finally:
            sys.stdout.flush()
        return False

    def onecmd(self, line: str) -> bool:
        """Do one line; return whether it ends the shell. An error is one line of output, and the network runs on."""
        try:
            return bool(super().onecmd(line))
        except UnicodeEncodeError:  # Python has a byte that is not UTF-8 as a lone surrogate
            say_error(f"*** this line is not UTF-8: {line[:80]!a}\n")
        except Exception as error:
            say_error(f"*** {in_a_line(error)}\n")
        return False

    def default(self, line: str) -> None:
        """Run a command in a host.

        Mininet replaces names of hosts in the command by addresses. Here they stay, because each host resolves them.
        """
        first, _, command = line.strip().partition(" ")
        if first not in self.mn:
            suggestion = did_you_mean(first[:80], [*SHELL_COMMANDS, *self.mn]) or "`help` and `nodes` list them"
            say_error(f"*** neither a command nor a host: {first[:80]!a}; {suggestion}\n")
        elif not command.strip():
            say_error(f"*** {first}: the command is missing: {first} ping -c 3 {first}\n")
        else:
            node = self.mn[first]
            node.sendCmd(command)
            self.waitForNode(node)

    def waitForNode(self, node: EmulatedNode) -> None:
        """Show the output of a node's command until it ends; pass keys to it, if the input is a terminal."""
        if self.isatty():
            super().waitForNode(node)
            return
        # Mininet's method would poll the empty input for keys, and the virtual clock would stand still meanwhile
        while node.waiting:
            output(node.monitor().replace("\r\n", "\n"))  # the command has a terminal, which ends lines so
            sys.stdout.flush()

    def do_nodes(self, _line: str) -> None:
        """List hosts, containers and switches."""
        for host in self.mn.plan.hosts:
            addresses = f"{host.loopback} {host.ipv6_loopback or ''}".rstrip()
            output(f"{host.name:12} {host.cls:12} {_site(host.site):6} {addresses}\n")
        for container in self.mn.deployment.spec.containers if self.mn.deployment is not None else ():
            address = self.mn.deployment.addresses[container.name]
            output(f"{container.name:12} {'container':12} {container.host:6} {address}\n")
        for switch in self.mn.plan.switches:
            output(f"{switch.name:12} {switch.cls:12} {_site(switch.site):6} {switch.kind}\n")

    def do_links(self, _line: str) -> None:
        """List circuits, with what each does to packets."""
        for link in self.mn.links:
            ends = f"{link.intf1.node.name} {link.intf1.name} - {link.intf2.node.name} {link.intf2.name}"
            is_up = link.intf1.isUp() and link.intf2.isUp()
            output(f"{printable(link.id):12} {ends:40} {'up' if is_up else 'down':5} {impairment_text(link)}\n")

    def do_link(self, line: str) -> None:
        """Change a circuit: link ID up | down | [rtt 40ms] [delay 20ms] [jitter 1ms normal] [loss 1%] [bandwidth 100]
        or order kept, corrupt, duplicate, reorder, mtu 1400, black_hole true.
        delay is one way, rtt is there and back, bandwidth is in Mbit/s, mtu is in bytes.
        18ms/20ms is 18 ms from the first end to the second, and 20 ms back. Values that are not named stay."""
        circuit, *words = line.split() or [""]
        if not circuit:
            raise EmulationError(f"usage: {USAGE}")
        impair(self.mn, circuit, words)

    def do_rtt(self, _line: str) -> None:
        """Measure the round trip over each circuit."""
        from emulator.measure.probe import probe, rtt_text

        for item in probe(self.mn.lab, count=3).circuits:
            rtt = rtt_text(item.measured_us, decimals=3)
            output(f"{printable(item.id):12} {item.first:12} {item.second:12} {rtt}\n")

    def do_pingall6(self, _line: str) -> None:
        """Ping each host from each other by IPv6, as pingall does by IPv4."""
        lost = sent = 0
        for near in self.mn.hosts:
            answers = []
            for far in self.mn.hosts:
                if far is not near:
                    _, _, status = near.pexec("ping", "-6", "-c", "1", far.name)
                    answers.append(far.name if status == 0 else "X")
            sent, lost = sent + len(answers), lost + answers.count("X")
            output(f"{near.name} -> {' '.join(answers)}\n")
        output(f"*** Results: {round(100 * lost / sent) if sent else 0}% dropped ({sent - lost}/{sent} received)\n")

    def do_routes(self, line: str) -> None:
        """Show the routes through other hosts, of all hosts or of some: routes h1. birdc in a host shows more, such as
        h1 birdc show ospf neighbors, if the network has a routing protocol."""
        known = {host.name: host for host in self.mn.plan.hosts}
        for name in line.split() or known:
            if name not in known:
                raise EmulationError(f"there is no host {printable(name, 80)}")
            for route in read(self.mn.lab.namespace(name)).routes:
                if route.gateway is not None:
                    by = "" if route.protocol == "boot" else f"  by {route.protocol}"
                    output(f"{name:12} {route.destination:28} via {route.gateway:22} {route.interface}{by}\n")

    def do_capture(self, line: str) -> None:
        """Write a circuit's packets to a file for Wireshark: capture ID FILE, until capture ID stop or the end.
        capture alone lists the captures that run."""
        captures = self.mn.captures
        circuit, _, action = line.strip().partition(" ")
        if not circuit:
            listed = [f"{printable(circuit):12} {printable(file, 300)}\n" for circuit, file in captures.running]
            output("".join(listed) or "no capture runs\n")
        elif action.strip() == "stop":
            output(f"{captures.stop(circuit)}\n")
        elif action.strip():
            captures.start(circuit, action.strip())
            output("the file will be complete when the shell has ended\n" if captures.is_guest else "")
        else:
            raise EmulationError("usage: capture ID FILE, capture ID stop")

    def do_overlay(self, line: str) -> None:
        """Show the overlay's containers, peers, links and routes, on all hosts or on one: overlay h1."""
        from emulator.overlays.text import overlay_lines

        deployment = self.mn.deployment
        if deployment is None:
            raise EmulationError("this network has no overlay: start it with --overlay flannel")
        hosts = line.split() or list(deployment.spec.hosts)
        for host in hosts:
            if host not in deployment.spec.hosts:
                raise EmulationError(f"the overlay is on no host {printable(host, 80)}")
        output("".join(f"{text}\n" for text in overlay_lines(deployment, hosts)))

    def do_scenario(self, _line: str) -> None:
        """Show what the scenario has done, and what is to come."""
        from gtsdsl.scenario.text import happening_lines

        if self._scenario is None:
            raise EmulationError("this network has no scenario: start it with --scenario FILE.toml")
        output("".join(f"{line}\n" for line in happening_lines(self._scenario.happenings)))

    def do_xterm(self, line: str, term: str = "xterm") -> None:
        """Open a terminal on hosts: xterm h1 h2. Only with --kernel native."""
        if not os.environ.get("DISPLAY"):
            raise EmulationError("xterm needs a display, and --kernel native: DISPLAY is not set")
        for program, package in (("xterm", "xterm"), ("xhost", "x11-xserver-utils")):  # Mininet runs both
            if find_program(program) is None:
                raise EmulationError(f"{program} is missing: apt-get install {package}")
        super().do_xterm(line, term)

    def completenames(self, text: str, *_: object) -> list[str]:
        """Return the words that complete the first word of a line."""
        return complete(sorted(self.mn), [], "", text)

    def completedefault(self, text: str, line: str, begin: int, _end: int) -> list[str]:
        """Return the words that complete another word of a line."""
        return complete(sorted(self.mn), [link.id for link in self.mn.links], line[:begin], text)

    def _interrupt(self) -> None:
        """Interrupt the commands that run in the foreground, and wait for their ends."""
        for node in self.mn.values():
            if node.has_shell and node.waiting:
                node.sendInt()
                node.waitOutput()


def _site(site: str | None) -> str:
    return printable(site or "-", 40)


def run_shell(network: EmulatedNetwork, task: Task, folder: Path, scenario: ScenarioRun | None) -> int:
    """Do the task's lines, or the lines that a person types; return the exit status: 0, whatever they did."""
    shell = Shell(network, scenario)
    if task.lines or not sys.stdin.isatty():
        for line in task.lines:
            write_step(folder, line)
            if shell.do(line):
                break
        return 0
    with _history(task.history, folder / HISTORY):
        shell.intro = f"{len(network.plan.hosts)} hosts, {len(network.plan.circuits)} circuits. `help`, `exit`."
        shell.run()
    return 0


@contextlib.contextmanager
def _history(before: tuple[str, ...], path: Path) -> Iterator[None]:
    """Let the arrow keys recall the lines ``before``; at exit, write the lines of this session to a file."""
    import readline

    for line in before:
        readline.add_history(line)
    try:
        yield
    finally:
        first = len(before) + 1
        lines = [readline.get_history_item(index) for index in range(first, readline.get_current_history_length() + 1)]
        path.write_text("".join(f"{line}\n" for line in lines if line))
