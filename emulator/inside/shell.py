"""A running network to a shell in Mininet's manner, which knows circuits by their names too."""

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
from emulator.kernel.job import say_running
from emulator.mininet.impair import USAGE, impair, impairment_text
from emulator.system.errors import EmulationError, in_a_line
from emulator.system.programs import find_program
from gtsdsl.text import did_you_mean, printable
from gtsdsl.topology.naming import SHELL_COMMANDS

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.mininet.node import EmulatedNode
    from emulator.task import Task


class Shell(CLI):  # type: ignore[misc]
    """Mininet's shell over an emulated network. A line is a verb, or a host's name and a command for its shell."""

    prompt = PROMPT
    helpStr = (
        "A host's name and a command run it there, and hosts know each other by name:\n  gtsdsl> h1 ping -c 3 h2\n"
    )

    def __init__(self, network: EmulatedNetwork) -> None:
        """Nothing is read or run yet: see `do` and `run`."""
        setLogLevel("output")
        for handler in lg.handlers:
            handler.setStream(sys.stdout)  # answers, not a log
        # Mininet's constructor runs the shell at once, unless it is given a file of commands
        super().__init__(network, stdin=sys.stdin, script=os.devnull)
        self.inputFile = None

    @classmethod
    def initReadline(cls) -> None:
        """Mininet's history goes into the user's home folder; ours is kept by `run_shell`."""

    def do(self, line: str) -> bool:
        """Do one line; whether it is the last."""
        try:
            return bool(self.onecmd(self.precmd(line)))
        except KeyboardInterrupt:
            output("\n")
            self._interrupt()
        finally:
            sys.stdout.flush()
        return False

    def onecmd(self, line: str) -> bool:
        """A line of the prompt; what goes wrong with it is said in a line, and the network runs on."""
        try:
            return bool(super().onecmd(line))
        except UnicodeEncodeError:  # a byte that is none of UTF-8 came in as a lone surrogate
            say_error(f"*** this line is not UTF-8: {line[:80]!a}\n")
        except Exception as error:
            say_error(f"*** {in_a_line(error)}\n")
        return False

    def default(self, line: str) -> None:
        """A command for a host. Names are left as they are: each host finds the others by them."""
        first, _, command = line.strip().partition(" ")
        if first not in self.mn:
            near = did_you_mean(first[:80], [*SHELL_COMMANDS, *self.mn]) or "`help` and `nodes` list them"
            say_error(f"*** neither a command nor a host: {first[:80]!a}; {near}\n")
        elif not command.strip():
            say_error(f"*** {first}: and which command? As in: {first} ping -c 3 {first}\n")
        else:
            node = self.mn[first]
            node.sendCmd(command)
            self.waitForNode(node)

    def waitForNode(self, node: EmulatedNode) -> None:
        """Show what a node's command says until it ends; keys go to the command where there is a keyboard."""
        if self.isatty():
            super().waitForNode(node)
            return
        # Mininet's would ask the empty input for keys again and again, and a virtual clock would stand still meanwhile
        while node.waiting:
            output(node.monitor().replace("\r\n", "\n"))  # a terminal's line ends
            sys.stdout.flush()

    def do_nodes(self, _line: str) -> None:
        """List hosts and switches."""
        for host in self.mn.plan.hosts:
            output(f"{host.name:12} {host.cls:12} {_site(host.site):6} {host.loopback}\n")
        for container in self.mn.deployment.spec.containers if self.mn.deployment is not None else ():
            address = self.mn.deployment.addresses[container.name]
            output(f"{container.name:12} {'container':12} {container.host:6} {address}\n")
        for switch in self.mn.plan.switches:
            output(f"{switch.name:12} {switch.cls:12} {_site(switch.site):6} {switch.kind}\n")

    def do_links(self, _line: str) -> None:
        """List circuits, each with what it does to packets."""
        for link in self.mn.links:
            ends = f"{link.intf1.node.name} {link.intf1.name} - {link.intf2.node.name} {link.intf2.name}"
            is_up = link.intf1.isUp() and link.intf2.isUp()
            output(f"{printable(link.id):12} {ends:40} {'up' if is_up else 'down':5} {impairment_text(link.intf1)}\n")

    def do_link(self, line: str) -> None:
        """Change a circuit: link ID up | down | [rtt 40ms] [delay 20ms] [jitter 1ms] [loss 1%] [bandwidth 100]
        The delay is one way; rtt is there and back; the bandwidth is in Mbit/s. What is not named stays."""
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

    def do_capture(self, line: str) -> None:
        """Keep a circuit's packets in a file for Wireshark: capture ID FILE, until capture ID stop or the end.
        Without more, list what is being captured."""
        captures = self.mn.captures
        circuit, _, what = line.strip().partition(" ")
        if not circuit:
            listed = [f"{printable(circuit):12} {printable(file, 300)}\n" for circuit, file in captures.running]
            output("".join(listed) or "nothing is captured\n")
        elif what.strip() == "stop":
            output(f"{captures.stop(circuit)}\n")
        elif what.strip():
            captures.start(circuit, what.strip())
            output("the file is there when the shell has ended\n" if captures.is_guest else "")
        else:
            raise EmulationError("usage: capture ID FILE, capture ID stop")

    def do_overlay(self, line: str) -> None:
        """Show the overlay as it is now, on all hosts or on one: overlay h1. Containers, peers, links, routes."""
        from emulator.overlays.text import overlay_lines

        deployment = self.mn.deployment
        if deployment is None:
            raise EmulationError("there is no overlay here: start with --overlay flannel")
        asked = line.split() or list(deployment.spec.hosts)
        for host in asked:
            if host not in deployment.spec.hosts:
                raise EmulationError(f"the overlay is on no host {printable(host, 80)}")
        output("".join(f"{text}\n" for text in overlay_lines(deployment, asked)))

    def do_xterm(self, line: str, term: str = "xterm") -> None:
        """Open a terminal on hosts: xterm h1 h2. On this machine's kernel only."""
        if not os.environ.get("DISPLAY"):
            raise EmulationError("there is no display here: xterm needs one, and --kernel native")
        for program, package in (("xterm", "xterm"), ("xhost", "x11-xserver-utils")):  # Mininet runs both
            if find_program(program) is None:
                raise EmulationError(f"{program} is missing: apt-get install {package}")
        super().do_xterm(line, term)

    def completenames(self, text: str, *_: object) -> list[str]:
        """The first word of a line."""
        return complete(sorted(self.mn), [], "", text)

    def completedefault(self, text: str, line: str, begin: int, _end: int) -> list[str]:
        """Any other."""
        return complete(sorted(self.mn), [link.id for link in self.mn.links], line[:begin], text)

    def _interrupt(self) -> None:
        for node in self.mn.values():
            if node.has_shell and node.waiting:
                node.sendInt()
                node.waitOutput()


def _site(site: str | None) -> str:
    return printable(site or "-", 40)


def run_shell(network: EmulatedNetwork, task: Task, folder: Path) -> int:
    """Run the task's lines, or else a person's; the exit status, 0."""
    shell = Shell(network)
    if task.lines or not sys.stdin.isatty():
        for line in task.lines:
            say_running(folder, line)
            if shell.do(line):
                break
        return 0
    with _history(task.history, folder / HISTORY):
        shell.intro = f"{len(network.plan.hosts)} hosts, {len(network.plan.circuits)} circuits. `help`, `exit`."
        shell.run()
    return 0


@contextlib.contextmanager
def _history(before: tuple[str, ...], path: Path) -> Iterator[None]:
    """Within it, the arrow keys bring back earlier lines; after it, those of this session are in a file."""
    import readline

    for line in before:
        readline.add_history(line)
    try:
        yield
    finally:
        first = len(before) + 1
        lines = [readline.get_history_item(index) for index in range(first, readline.get_current_history_length() + 1)]
        path.write_text("".join(f"{line}\n" for line in lines if line))
