"""Topology to the names of nodes and the numbers of ports, within the rules of Linux, Mininet and /etc/hosts."""

from __future__ import annotations

from collections.abc import Mapping

from gtsdsl.model.testbed import PortRef
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.model import Topology
from gtsdsl.topology.safe_names import safe_names

_MAX_OPENFLOW_PORT = 0xFF00  # higher numbers are reserved (OpenFlow 1.0, 5.2.1)
_INTERFACE_NAME_LIMIT = 15  # IFNAMSIZ of Linux without the NUL

SHELL_COMMANDS = tuple(
    "capture dpctl dump exit gterm help intfs iperf iperfudp link links net nodes noecho overlay pingall pingall6"
    " pingallfull pingpair pingpairfull ports px py quit routes rtt scenario sh source switch time x xterm".split()
)
"""The commands of the emulator's shell, Mininet's among them. The shell takes a line's first word as a host's name only
if it is not a command."""
# `localhost` is in each /etc/hosts; the shell knows the others without listing them, or did so in earlier releases
_RESERVED = frozenset({*SHELL_COMMANDS, "localhost", "EOF", "shell", "wait"})
_HOST_NAME = r"[A-Za-z][A-Za-z0-9_]*"
# With a script for Mininet, a switch is a bridge in the machine's own namespace, where `eth0` and `docker0` belong to
# the machine. So only an id that is plainly a switch's name is kept.
_SWITCH_NAME = r"(?:s|sw|ofx|vsi|switch)_?[0-9]+"


def interface_name(node_name: str, port_number: int) -> str:
    """Return the name that Mininet gives to an interface."""
    return f"{node_name}-eth{port_number}"


def port_numbers(topology: Topology) -> dict[PortRef, int]:
    """Return Mininet's number of each wired port.

    A switch's port has its ``logicalPort`` if that is a valid OpenFlow port number and free, else the next free number
    from 1. A host's ports are numbered from 0.
    """
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
    """Return a name for each node, by its id; the names of its interfaces (`interface_name`) fit the limit of Linux.

    ``ports`` are the numbers of `port_numbers`. Names differ in more than case, because /etc/hosts ignores case.
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
    # the script for Mininet calls the controllers ctrl1, ctrl2 …; the switches state at most so many
    named = sum(len(controllers(node)) for node in topology.switches)
    reserved = (*_RESERVED, *switches.values(), *(f"ctrl{number + 1}" for number in range(named)))
    hosts = safe_names(
        by_role[False], pattern=_HOST_NAME, limit=longest_name[False], reserved=reserved, stem="h", fold_case=True
    )
    return {node.id: (switches if node.is_switch else hosts)[node.id] for node in topology.nodes.values()}
