"""The broadcast domains of a topology, and loops of switches."""

from __future__ import annotations

from collections.abc import Iterator

from gtsdsl.model.testbed import PortRef
from gtsdsl.topology.groups import Groups
from gtsdsl.topology.model import Topology


def domains(topology: Topology) -> list[list[PortRef]]:
    """Return, for each broadcast domain, the ports that take an address, in the order of the links.

    Hosts' wired ports and switches' wired control ports take addresses. Switches join the circuits of their other
    ports into one domain.
    """
    groups = _switch_groups(topology)
    found: dict[tuple[str, str], list[PortRef]] = {}
    for wire in topology.wires:
        bridged = next((end for end in wire.ends if end in topology.bridged_ports), None)
        domain = ("link", wire.link.id) if bridged is None else ("switches", groups.root(bridged.resource))
        ports = found.setdefault(domain, [])
        ports.extend(end for end in wire.ends if end not in topology.bridged_ports)
    return [ports for ports in found.values() if ports]


def has_loop(topology: Topology) -> bool:
    """Return whether frames could go round in circles, because switches are joined in more than one way."""
    groups: Groups[str] = Groups()
    return not all(groups.merge(*switches) for switches in _joined_switches(topology))


def _switch_groups(topology: Topology) -> Groups[str]:
    """Return the switches in groups that share a broadcast domain."""
    groups: Groups[str] = Groups()
    for switches in _joined_switches(topology):
        groups.merge(*switches)
    return groups


def _joined_switches(topology: Topology) -> Iterator[tuple[str, str]]:
    for wire in topology.wires:
        if wire.first in topology.bridged_ports and wire.second in topology.bridged_ports:
            yield wire.first.resource, wire.second.resource
