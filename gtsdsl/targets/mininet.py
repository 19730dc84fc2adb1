"""Testbed to a Python script that runs it in Mininet: the testbed as data at the top, one fixed program below.

The data are Python literals made with ``ascii``: an id, whatever is in it, is a string of printable ASCII. Nothing
of the input stands in the program, and what Mininet hands to a shell (names, addresses, figures) is made here.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from ipaddress import IPv4Network

from gtsdsl.addresses import Address, addresses
from gtsdsl.controllers import bridged_ports, control_address, controllers, is_switch
from gtsdsl.impairments import impairments
from gtsdsl.targets.figures import plain
from gtsdsl.targets.names import safe_names
from gtsdsl.testbed import PortRef, Resource, Testbed
from gtsdsl.wiring import Wire, nodes, wires

_MAX_OPENFLOW_PORT = 0xFF00  # those above are reserved (OpenFlow 1.0, 5.2.1)
_INTERFACE_NAME_LIMIT = 15  # the kernel's IFNAMSIZ, less its NUL; Mininet names an interface NODE-ethPORT

# Mininet's shell takes a first word as a node's name only where it is no command of its own
_COMMANDS = frozenset(
    {
        "EOF",
        "dpctl",
        "dump",
        "exit",
        "gterm",
        "help",
        "intfs",
        "iperf",
        "iperfudp",
        "link",
        "links",
        "net",
        "nodes",
        "noecho",
        "pingall",
        "pingallfull",
        "pingpair",
        "pingpairfull",
        "ports",
        "px",
        "py",
        "quit",
        "sh",
        "shell",
        "source",
        "switch",
        "time",
        "wait",
        "x",
        "xterm",
    }
)
_HOST_NAME = r"[A-Za-z][A-Za-z0-9_]*"
# A switch is a bridge of this name in the machine's own namespace, where `eth0` or `docker0` would be the machine's:
# only what is plainly a switch's name stays
_SWITCH_NAME = r"(?:s|sw|ofx|vsi|switch)_?[0-9]+"


def write(testbed: Testbed) -> str:
    """The script.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth, or a switch's address is wrong.
    """
    by_id = nodes(testbed)
    all_wires = wires(testbed)
    ports = _port_numbers(by_id, all_wires)
    names = _names(by_id, ports)
    plan = _with_control_addresses(addresses(testbed), by_id, all_wires)
    effects = impairments(testbed)
    switches = [node for node in by_id.values() if is_switch(node)]
    loops = _has_loop(by_id, all_wires)

    data = ["TESTBED = " + ascii(testbed.id), ""]
    data += _table("HOSTS", (_host(node, names) for node in by_id.values() if not is_switch(node)))
    data += _table("SWITCHES", (_switch(node, names, number, loops) for number, node in enumerate(switches, 1)))
    links = []
    for wire in all_wires:
        effect = effects[wire.link.id]
        ends = ", ".join(
            f"({names[end.resource]!r}, {ports[end]}, {str(plan[end]) if end in plan else None!r})" for end in wire.ends
        )
        links.append(
            f"{{'id': {wire.link.id!a}, 'ends': ({ends}), 'delay_us': {effect.delay_us}, "
            f"'jitter_us': {effect.jitter_us}, 'loss_percent': {plain(effect.loss_percent)}, "
            f"'rate_mbit': {plain(effect.rate_bps / 10**6)}, 'queue_packets': {effect.queue_packets}, "
            f"'source': {effect.delay_source!r}}}"
        )
    data += _table("LINKS", links)
    program = files("gtsdsl.targets").joinpath("mininet_program.txt").read_text("utf-8")
    before, after = program.split("# DATA\n")
    return before + "\n".join(data) + after


def _table(name: str, rows: Iterable[str]) -> list[str]:
    return [f"{name} = [", *(f"    {row}," for row in rows), "]", ""]


def _kept(node: Resource, names: dict[str, str]) -> str:
    return f"'name': {names[node.id]!r}, 'id': {node.id!a}, 'class': {node.cls!a}, 'site': {node.location!a}"


def _host(node: Resource, names: dict[str, str]) -> str:
    return f"{{{_kept(node, names)}}}"


def _switch(node: Resource, names: dict[str, str], number: int, loops: bool) -> str:
    at = [(str(controller.address), controller.port) for controller in controllers(node)]
    # a learning switch needs a spanning tree where there are loops; with a controller they are the controller's affair
    return f"{{{_kept(node, names)}, 'dpid': '{number:016x}', 'controllers': {at!r}, 'stp': {loops and not at}}}"


def _port_numbers(by_id: dict[str, Resource], all_wires: Iterable[Wire]) -> dict[PortRef, int]:
    """Mininet's port numbers: of a switch the OpenFlow ones, a ``logicalPort`` where it is given; of a host from 0."""
    wired = dict.fromkeys(end for wire in all_wires for end in wire.ends)
    found: dict[PortRef, int] = {}
    for node in by_id.values():
        mine = [PortRef(node.id, port.id) for port in node.ports if PortRef(node.id, port.id) in wired]
        taken: set[int] = set()
        if is_switch(node):
            stated = {PortRef(node.id, port.id): port.attributes.get("logicalPort") for port in node.ports}
            for end in mine:
                number = stated[end]
                number = int(number) if isinstance(number, str) and number.isascii() and number.isdigit() else number
                if isinstance(number, int) and 0 < number <= _MAX_OPENFLOW_PORT and number not in taken:
                    found[end] = number
                    taken.add(number)
        free = 1 if is_switch(node) else 0
        for end in mine:
            if end not in found:
                while free in taken:
                    free += 1
                found[end] = free
                taken.add(free)
    return found


def _names(by_id: dict[str, Resource], ports: dict[PortRef, int]) -> dict[str, str]:
    by_role: dict[bool, list[str]] = {True: [], False: []}
    longest_port = {True: 1, False: 1}
    for node in by_id.values():
        by_role[is_switch(node)].append(node.id)
    for end, number in ports.items():
        role = is_switch(by_id[end.resource])
        longest_port[role] = max(longest_port[role], len(str(number)))
    longest_name = {role: _INTERFACE_NAME_LIMIT - len("-eth") - digits for role, digits in longest_port.items()}
    switches = safe_names(by_role[True], pattern=_SWITCH_NAME, limit=longest_name[True], stem="s")
    # the program names the controllers ctrl1, ctrl2 …: there are no more of them than the switches name
    named = sum(len(controllers(node)) for node in by_id.values() if is_switch(node))
    reserved = (*_COMMANDS, *switches.values(), *(f"ctrl{number + 1}" for number in range(named)))
    hosts = safe_names(by_role[False], pattern=_HOST_NAME, limit=longest_name[False], reserved=reserved, stem="h")
    return switches | hosts


def _with_control_addresses(
    plan: dict[PortRef, Address], by_id: dict[str, Resource], all_wires: Iterable[Wire]
) -> dict[PortRef, Address]:
    """The plan with the addresses that the testbed itself gives to a switch's control port and its controller.

    All switches of Mininet share one namespace, the machine's: a subnet may be there once. A second switch that names
    the same controller reaches it over the first one's circuit, and its own keeps the addresses of the plan.
    """
    plan = dict(plan)
    bridged = bridged_ports(by_id)
    used: list[IPv4Network] = []
    for wire in all_wires:
        for control, far in (wire.ends, wire.ends[::-1]):
            switch = by_id[control.resource]
            if not is_switch(switch) or control in bridged or is_switch(by_id[far.resource]):
                continue
            address, at = control_address(switch), controllers(switch)
            if address is None or not at or at[0].address not in address.network or at[0].address == address.ip:
                continue
            if any(address.network.overlaps(network) for network in used):
                continue
            used.append(address.network)
            plan[control] = Address(address.ip, address.network.prefixlen)
            plan[far] = Address(at[0].address, address.network.prefixlen)
    return plan


def _has_loop(by_id: dict[str, Resource], all_wires: Iterable[Wire]) -> bool:
    bridged = bridged_ports(by_id)
    parent: dict[str, str] = {}

    def root(switch: str) -> str:
        while parent.setdefault(switch, switch) != switch:
            switch = parent[switch]
        return switch

    for wire in all_wires:
        if wire.first in bridged and wire.second in bridged:
            first, second = root(wire.first.resource), root(wire.second.resource)
            if first == second:
                return True
            parent[first] = second
    return False
