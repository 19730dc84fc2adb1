"""Nodes of a testbed to the names and port numbers that the kernel, Mininet and /etc/hosts take."""

from __future__ import annotations

from collections.abc import Mapping

from gtsdsl.model.testbed import PortRef
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.model import Topology
from gtsdsl.topology.safe_names import safe_names

_MAX_OPENFLOW_PORT = 0xFF00  # those above are reserved (OpenFlow 1.0, 5.2.1)
_INTERFACE_NAME_LIMIT = 15  # the kernel's IFNAMSIZ, less its NUL; Mininet names an interface NODE-ethPORT

SHELL_COMMANDS = tuple(
    "capture dpctl dump exit gterm help intfs iperf iperfudp link links net nodes noecho overlay pingall pingallfull"
    " pingpair pingpairfull ports px py quit rtt sh source switch time x xterm".split()
)
"""The commands of the emulator's shell, Mininet's among them. The shell takes a line's first word as a host's name only
if it is not a command."""
# `localhost` is in each /etc/hosts; the shell knows the others without listing them, or did so in earlier releases
_RESERVED = frozenset({*SHELL_COMMANDS, "localhost", "EOF", "shell", "wait"})
_HOST_NAME = r"[A-Za-z][A-Za-z0-9_]*"
# A switch is a bridge of this name in the machine's own namespace, where `eth0` or `docker0` would be the machine's:
# only what is plainly a switch's name stays
_SWITCH_NAME = r"(?:s|sw|ofx|vsi|switch)_?[0-9]+"


def interface_name(node_name: str, port_number: int) -> str:
    """An interface's name, as Mininet makes it."""
    return f"{node_name}-eth{port_number}"


def port_numbers(topology: Topology) -> dict[PortRef, int]:
    """Mininet's port numbers: of a switch the OpenFlow ones, a ``logicalPort`` where it is given; of a host from 0."""
    wired = dict.fromkeys(end for wire in topology.wires for end in wire.ends)
    found: dict[PortRef, int] = {}
    for node in topology.nodes.values():
        mine = [PortRef(node.id, port.id) for port in node.ports if PortRef(node.id, port.id) in wired]
        taken: set[int] = set()
        if node.is_switch:
            stated = {PortRef(node.id, port.id): port.attributes.get("logicalPort") for port in node.ports}
            for end in mine:
                number = stated[end]
                number = int(number) if isinstance(number, str) and number.isascii() and number.isdigit() else number
                if isinstance(number, int) and 0 < number <= _MAX_OPENFLOW_PORT and number not in taken:
                    found[end] = number
                    taken.add(number)
        free = 1 if node.is_switch else 0
        for end in mine:
            if end not in found:
                while free in taken:
                    free += 1
                found[end] = free
                taken.add(free)
    return found


def node_names(topology: Topology, ports: Mapping[PortRef, int]) -> dict[str, str]:
    """A name for each node, so short that those of its interfaces (`interface_name`) are no longer than Linux allows.

    Names differ in more than case: `/etc/hosts` does not tell `h1` from `H1`.
    """
    by_role: dict[bool, list[str]] = {True: [], False: []}
    longest_port = {True: 1, False: 1}
    for node in topology.nodes.values():
        by_role[node.is_switch].append(node.id)
    for end, number in ports.items():
        role = topology.nodes[end.resource].is_switch
        longest_port[role] = max(longest_port[role], len(str(number)))
    longest_name = {role: _INTERFACE_NAME_LIMIT - len("-eth") - digits for role, digits in longest_port.items()}
    switches = safe_names(by_role[True], pattern=_SWITCH_NAME, limit=longest_name[True], stem="s", fold_case=True)
    # Mininet's program names the controllers ctrl1, ctrl2 …: there are no more of them than the switches name
    named = sum(len(controllers(node)) for node in topology.switches)
    reserved = (*_RESERVED, *switches.values(), *(f"ctrl{number + 1}" for number in range(named)))
    hosts = safe_names(
        by_role[False], pattern=_HOST_NAME, limit=longest_name[False], reserved=reserved, stem="h", fold_case=True
    )
    return {node.id: (switches if node.is_switch else hosts)[node.id] for node in topology.nodes.values()}
