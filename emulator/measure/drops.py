"""Counts of the packets that were dropped in a lab, and where.

A circuit drops the packets that it is configured to lose, and those that its queue has no room for; this is the
network's behaviour. A host drops a datagram when the receive buffer of the datagram's socket is full; then the program,
or the machine that runs it, was too slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.lab.lab import Lab
from emulator.netlink import namespaces, qdiscs

CIRCUIT, SOCKET, BACKLOG, PROCESSOR = "circuit", "socket", "backlog", "processor"
"""Places: a circuit's loss or its queue; a UDP socket's receive buffer; the kernel's queue between two interfaces; the
queue of a host's processors (`emulator.lab.cores`)."""

_NET = Path("/proc/thread-self/net")
_UDP = ("RcvbufErrors", "MemErrors")


@dataclass(frozen=True, slots=True)
class Drops:
    """The number of packets that were dropped at one place.

    ``place`` is `CIRCUIT`, `SOCKET`, `BACKLOG` or `PROCESSOR`. ``node`` is the name of the host or switch that sent the
    packets over the circuit, or of the host that has the socket or the processors. It is empty for the backlog, which
    belongs to the kernel, and for sockets in the namespace that all switches share. ``circuit`` is the circuit's id;
    None where there is no circuit.
    """

    place: str
    node: str
    circuit: str | None
    packets: int


class DropCounter:
    """A counter of the packets that a lab drops.

    It counts circuits and sockets from the lab's start on, and the backlog from when the counter is made.
    """

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._backlog = _backlog()  # this counter is the kernel's; the others start at zero with the lab's namespaces

    def count(self) -> tuple[Drops, ...]:
        """Return the places where packets were dropped: circuits, sockets, the backlog."""
        lab = self._lab
        names = {lab.namespace(name): name for name in lab.hosts}
        if lab.plan.switches:
            names[lab.switches_namespace] = ""
        by_interface, by_sockets = {}, {}
        for descriptor, name in names.items():
            with namespaces.entered(descriptor):
                by_interface[descriptor], by_sockets[name] = qdiscs.dropped(), _udp()
        found = []
        for circuit in lab.underlay.circuits:
            for end in circuit.ends:
                dropped = by_interface[lab.namespace(end.node)].get(end.index, 0)
                found.append(Drops(CIRCUIT, end.node, circuit.id, dropped))
        found += [Drops(SOCKET, name, None, dropped) for name, dropped in by_sockets.items()]
        for host, indexes in lab.underlay.cores.indexes.items() if lab.underlay.cores is not None else ():
            dropped_here = by_interface[lab.namespace(host)]
            found.append(Drops(PROCESSOR, host, None, sum(dropped_here.get(index, 0) for index in indexes.values())))
        found.append(Drops(BACKLOG, "", None, _backlog() - self._backlog))
        return tuple(drops for drops in found if drops.packets)


def _udp() -> int:
    """Return the number of datagrams that the UDP sockets of the thread's namespace had no room for."""
    values = dict(_snmp(_NET / "snmp"))
    total = sum(values.get(f"Udp{name}", 0) for name in _UDP)
    if (_NET / "snmp6").exists():
        lines = (line.split() for line in (_NET / "snmp6").read_text().splitlines())
        values6 = {line[0]: int(line[1]) for line in lines if len(line) == 2}
        total += sum(values6.get(f"Udp6{name}", 0) for name in _UDP)
    return total


def _snmp(path: Path) -> Iterator[tuple[str, int]]:
    """Read the counters of a file that has, for each protocol, a line of names and then a line of values."""
    lines = [line.split() for line in path.read_text().splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        for name, value in zip(names[1:], values[1:], strict=False):
            yield names[0].rstrip(":") + name, int(value)


def _backlog() -> int:
    """Return the number of packets that this kernel dropped because its queue between two interfaces was full."""
    return sum(int(line.split()[1], 16) for line in (_NET / "softnet_stat").read_text().splitlines())
