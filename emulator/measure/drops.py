"""A running network to the packets that were dropped in it, and where: on a circuit, or in a machine that was too slow.

A circuit drops what it is configured to lose, and what its queue has no room for: that is the network's behaviour. A
host drops a datagram when it comes to a socket whose receive buffer is full: that is the program's, or its host's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.lab.lab import Lab
from emulator.netlink import namespaces, qdiscs

CIRCUIT, SOCKET, BACKLOG = "circuit", "socket", "backlog"
"""Places: a circuit's loss or its queue; a UDP socket's receive buffer; the kernel's queue between two interfaces."""

_NET = Path("/proc/thread-self/net")
_UDP = ("RcvbufErrors", "MemErrors")


@dataclass(frozen=True, slots=True)
class Drops:
    """Packets that were dropped at one place.

    ``place`` is `CIRCUIT`, `SOCKET` or `BACKLOG`. ``node`` is who dropped them: the host or switch that sent them over
    the circuit, or the host to whose socket they came; empty for the backlog, which is the whole kernel's. ``circuit``
    is the circuit's id, or None.
    """

    place: str
    node: str
    circuit: str | None
    packets: int


class DropCounter:
    """Counts the packets that a network drops from when the counter is made."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._backlog = _backlog()  # the rest is the network's own, and is zero when the network is made

    def count(self) -> tuple[Drops, ...]:
        """Return the places where packets were dropped: circuits, hosts, the backlog."""
        names = {self._lab.namespace(name): name for name in self._lab.hosts}
        if self._lab.plan.switches:
            names[self._lab.switches_namespace] = ""
        by_interface, by_sockets = {}, {}
        for descriptor, name in names.items():
            with namespaces.entered(descriptor):
                by_interface[descriptor], by_sockets[name] = qdiscs.dropped(), _udp()
        found = []
        for circuit in self._lab.underlay.circuits:
            for end in circuit.ends:
                dropped = by_interface[self._lab.namespace(end.node)].get(end.index, 0)
                found.append(Drops(CIRCUIT, end.node, circuit.id, dropped))
        found += [Drops(SOCKET, name, None, dropped) for name, dropped in by_sockets.items()]
        found.append(Drops(BACKLOG, "", None, _backlog() - self._backlog))
        return tuple(drops for drops in found if drops.packets)


def _udp() -> int:
    """The datagrams that this namespace's UDP sockets had no room for."""
    values = dict(_snmp(_NET / "snmp"))
    total = sum(values.get(f"Udp{name}", 0) for name in _UDP)
    if (_NET / "snmp6").exists():
        lines = (line.split() for line in (_NET / "snmp6").read_text().splitlines())
        values6 = {line[0]: int(line[1]) for line in lines if len(line) == 2}
        total += sum(values6.get(f"Udp6{name}", 0) for name in _UDP)
    return total


def _snmp(path: Path) -> Iterator[tuple[str, int]]:
    """The counters in a file that has, for each protocol, a line of names and below it a line of values."""
    lines = [line.split() for line in path.read_text().splitlines()]
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        for name, value in zip(names[1:], values[1:], strict=False):
            yield names[0].rstrip(":") + name, int(value)


def _backlog() -> int:
    """The packets that this kernel dropped between two interfaces because its queue was full, on all processors."""
    return sum(int(line.split()[1], 16) for line in (_NET / "softnet_stat").read_text().splitlines())
