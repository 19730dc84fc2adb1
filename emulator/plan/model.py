"""The values of a plan: hosts, switches, circuits with two interfaces, routes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from emulator.cpu.model import CpuModel
from emulator.netlink.qdiscs import Netem
from gtsdsl.model.routing import Routing
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.topology.addresses import link_local
from gtsdsl.topology.delays import DelaySource

VERSION = 1
"""The version of the plan's JSON, which grows when a field changes its meaning."""

SwitchKind: TypeAlias = Literal["ovs", "bridge"]
"""The kind of a switch: an Open vSwitch bridge or a Linux bridge."""


@dataclass(frozen=True, slots=True)
class Interface:
    """An interface: one end of a circuit.

    ``node`` is the name of the host or switch, ``port`` the testbed's port. ``number`` is Mininet's port number, and on
    a switch OpenFlow's too. ``index`` is the kernel's interface index in the node's namespace; all switches share one.
    ``address`` is IPv4 with its prefix length, as ``10.0.0.0/31``; on a switch, only the port to its controller has an
    address. ``ipv6_address`` is the IPv6 address of the same interface; None in a plan of IPv4 only. ``egress`` is what
    happens to the packets that leave it, with the one-way delay of their direction; None lets packets leave as fast as
    the machine can send them.
    """

    node: str
    port: str
    name: str
    number: int
    index: int
    mac: str
    address: str | None
    egress: Netem | None
    ipv6_address: str | None = None

    @property
    def link_local(self) -> str | None:
        """The link-local address that follows from ``mac``, with its prefix length; None without ``ipv6_address``."""
        return None if self.ipv6_address is None else link_local(self.mac)


@dataclass(frozen=True, slots=True)
class Circuit:
    """A circuit: two joined interfaces. ``rtt_ns`` is the round trip without the time to send the bits.

    ``mtu_bytes`` is the MTU of both interfaces. With ``is_black_hole``, both drop ICMP's "fragmentation needed" and
    ICMPv6's "packet too big" at their egress.
    """

    id: str
    first: Interface
    second: Interface
    rtt_ns: int
    source: DelaySource
    mtu_bytes: int = MTU_BYTES
    is_black_hole: bool = False

    @property
    def ends(self) -> tuple[Interface, Interface]:
        """Both interfaces."""
        return self.first, self.second


@dataclass(frozen=True, slots=True)
class Route:
    """A host's route to networks (``100.64.0.4/30``) through a neighbour's address on one of its interfaces.

    All are of one family.
    """

    gateway: str
    interface: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """A host. ``id`` is the testbed's; ``name`` is the host's name in Mininet and ``/etc/hosts``.

    ``loopback`` is the host's own address: its name resolves to it, and its packets come from it. It does not go down
    with a circuit, and is the same for all other hosts. ``ipv6_loopback`` and ``ipv6_routes`` are the same for IPv6; in
    a plan of IPv4 only, they are None and empty. ``image_id`` and ``flavor_id`` are the testbed's words for the
    host's image and size.
    """

    id: str
    name: str
    cls: str
    site: str | None
    loopback: str
    routes: tuple[Route, ...]
    is_store: bool = False
    """True for a host that was added only to run an overlay's key-value store."""
    image_id: str | None = None
    flavor_id: str | None = None
    ipv6_loopback: str | None = None
    ipv6_routes: tuple[Route, ...] = ()
    bird: str | None = None
    """The configuration of the host's BIRD; None if the plan has no routing protocol."""


@dataclass(frozen=True, slots=True)
class Controller:
    """The address and TCP port of a switch's OpenFlow controller."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch. It obeys the one of its ``controllers`` that answers; while none answers, it learns by itself.

    ``spanning_tree`` is true for all switches of a plan if some of them form a loop, because frames would circle in the
    loop for ever.
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
    """The plan of a network. ``seed`` is the number from which all seeds of its interfaces were made.

    ``routing`` is the protocol by which the hosts find their routes; None if the routes are those of the plan.
    ``cpu`` is what packets cost on the processors of the hosts; None is nothing.
    """

    testbed: str
    seed: int
    hosts: tuple[Host, ...]
    switches: tuple[Switch, ...]
    circuits: tuple[Circuit, ...]
    routing: Routing | None = None
    cpu: CpuModel | None = None

    @property
    def ends(self) -> Iterator[Interface]:
        """The interfaces of all circuits, in the order of the circuits."""
        for circuit in self.circuits:
            yield circuit.first
            yield circuit.second

    def loopback(self, host: str) -> str:
        """Return the loopback address of a host, by its name.

        Raises:
            KeyError: the plan has no such host.
        """
        for item in self.hosts:
            if item.name == host:
                return item.loopback
        raise KeyError(host)

    def ipv6_loopback(self, host: str) -> str | None:
        """Return the IPv6 loopback address of a host, by its name; None in a plan of IPv4 only.

        Raises:
            KeyError: the plan has no such host.
        """
        for item in self.hosts:
            if item.name == host:
                return item.ipv6_loopback
        raise KeyError(host)

    @property
    def has_ipv6(self) -> bool:
        """True if the network has IPv6 beside IPv4."""
        return any(host.ipv6_loopback is not None for host in self.hosts)

    @property
    def has_unequal_switch(self) -> bool:
        """True if a switch is between circuits of different MTU."""
        switches = {switch.name for switch in self.switches}
        mtus: dict[str, int] = {}
        for circuit in self.circuits:
            for end in circuit.ends:
                if end.node in switches and mtus.setdefault(end.node, circuit.mtu_bytes) != circuit.mtu_bytes:
                    return True
        return False

    def without_ipv6(self) -> Plan:
        """Return the plan of the same network with IPv4 only."""
        return replace(
            self,
            hosts=tuple(replace(host, ipv6_loopback=None, ipv6_routes=()) for host in self.hosts),
            circuits=tuple(
                replace(
                    circuit,
                    first=replace(circuit.first, ipv6_address=None),
                    second=replace(circuit.second, ipv6_address=None),
                )
                for circuit in self.circuits
            ),
        )

    @property
    def is_impaired(self) -> bool:
        """True if an interface delays, loses or limits packets, which needs a kernel with netem."""
        return any(end.egress is not None for end in self.ends)
