"""What a network is to be, as values: hosts, switches, circuits with two ends, routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from emulator.netlink.qdiscs import Netem

if TYPE_CHECKING:
    from gtsdsl.topology.impairments import DelaySource

VERSION = 1
"""Of the plan's JSON; it is raised when what is there changes its meaning."""

SwitchKind: TypeAlias = Literal["ovs", "bridge"]
"""An Open vSwitch bridge, or Linux's own."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface: one end of a circuit.

    ``node`` is the name of the host or switch, ``port`` the testbed's port. ``number`` is Mininet's port number, of a
    switch also OpenFlow's. ``index`` is the kernel's interface index in the node's namespace; all switches share one.
    ``address`` has its prefix length, as ``10.0.0.0/31``; a switch's port has none, but the one to its controller.
    ``egress`` is what happens to the packets that leave it, with half of the circuit's round trip as its delay; None
    lets packets leave as fast as the machine can send them.
    """

    node: str
    port: str
    name: str
    number: int
    index: int
    mac: str
    address: str | None
    egress: Netem | None


@dataclass(frozen=True, slots=True)
class Circuit:
    """Two interfaces that are joined. ``rtt_ns`` is the round trip without the time to send the bits."""

    id: str
    first: Interface
    second: Interface
    rtt_ns: int
    source: DelaySource

    @property
    def ends(self) -> tuple[Interface, Interface]:
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Route:
    """Networks (``100.64.0.4/30``) that a host reaches through a neighbour's address on one of its interfaces."""

    gateway: str
    interface: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A machine. ``id`` is the testbed's, ``name`` what Mininet and ``/etc/hosts`` call it.

    ``loopback`` is its own address, which its name stands for and which it speaks from: it does not go down with a
    circuit, and is the same from wherever it is looked at. ``image_id`` and ``flavor_id`` are the testbed's: what the
    machine runs and how large it is.
    """

    id: str
    name: str
    cls: str
    site: str | None
    loopback: str
    routes: tuple[Route, ...]
    is_store: bool = False
    """It was added for the key-value store of an overlay, which it runs and nothing else."""
    image_id: str | None = None
    flavor_id: str | None = None


@dataclass(frozen=True, slots=True)
class Controller:
    """Where a switch's OpenFlow controller listens."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch. With ``controllers`` it obeys the one that answers; while none does, and without any, it learns.

    ``spanning_tree``: there is a loop of switches, and frames would go round in it for ever.
    """

    id: str
    name: str
    cls: str
    site: str | None
    kind: SwitchKind
    datapath_id: str
    controllers: tuple[Controller, ...]
    spanning_tree: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A network, ready to be made. ``seed`` is what all seeds in it were made from."""

    testbed: str
    seed: int
    hosts: tuple[Host, ...]
    switches: tuple[Switch, ...]
    circuits: tuple[Circuit, ...]

    @property
    def ends(self) -> Iterator[Interface]:
        """All interfaces, in the order of the circuits."""
        for circuit in self.circuits:
            yield circuit.first
            yield circuit.second

    @property
    def is_impaired(self) -> bool:
        """Whether any interface delays, loses or holds back packets, for which the kernel must have netem."""
        return any(end.egress is not None for end in self.ends)
