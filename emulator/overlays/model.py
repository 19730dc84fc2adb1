"""The specification of an overlay, and its observations: peers, first packets and round trips, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

from emulator.agents.model import AgentProgram
from emulator.cpu.model import OWN_STAGES
from emulator.lab.containers import Container, Runtime
from emulator.measure.probe import BOTH, IPV4, Family
from emulator.overlays.policy.model import PolicySpec
from emulator.stores.model import StoreLocation

Network: TypeAlias = "IPv4Network | IPv6Network"
"""A network of either family."""


@dataclass(frozen=True, slots=True)
class OverlaySpec:
    """The specification of an overlay, which crosses into the guest kernel with the task.

    ``hosts`` are the names of the hosts that the overlay joins. ``subnet_pool`` is the network that containers get
    their addresses from (``10.244.0.0/16``). ``store`` is None for a variant without a store. ``image`` is the path of
    the image archive of Docker containers; None means the built-in image. ``agent`` is ``built-in``, ``real`` or the
    path of a program; None means the built-in agent. ``password`` is None without encryption. ``reflectors`` are
    the hosts that reflect routes; empty is the overlay's choice. ``programs`` are the programs of the hosts whose agent
    is not the built-in one, by host. ``policy`` has the network policies and the labels of the containers; None lets
    all packets through. ``ipv6_pool`` is the network that containers get IPv6 addresses from (``fd00:10:244::/56``);
    None is an overlay of IPv4 only. ``mtu_bytes`` is the MTU of the containers; None is the overlay's own rule.
    """

    name: str
    variant: str
    hosts: tuple[str, ...]
    containers: tuple[Container, ...]
    subnet_pool: str
    runtime: Runtime
    store: StoreLocation | None = None
    image: str | None = None
    agent: str | None = None
    password: str | None = None
    reflectors: tuple[str, ...] = ()
    programs: dict[str, AgentProgram] = field(default_factory=dict)
    policy: PolicySpec | None = None
    ipv6_pool: str | None = None
    mtu_bytes: int | None = None

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of addresses that containers have: 4, and 6 with IPv6."""
        return IPV4 if self.ipv6_pool is None else BOTH

    @property
    def container_names(self) -> tuple[str, ...]:
        """The names of the containers."""
        return tuple(container.name for container in self.containers)


@dataclass(frozen=True, slots=True)
class About:
    """The description of a variant of an overlay, for `gtsdsl overlays`.

    ``forwards`` tells how a packet gets to another host. ``needs`` are the programs, the parts of the kernel and the
    Python packages that not every network needs, in words. ``agent`` is the program that runs the variant. ``state`` is
    where the variant keeps its state if it needs no store; empty if it keeps none.
    """

    forwards: str
    needs: tuple[str, ...] = ()
    agent: str = "built-in"
    state: str = ""


@dataclass(frozen=True, slots=True)
class PacketWay:
    """The way of a container's packet through a host, for `emulator.cpu`: its stages, and its look on a circuit.

    ``protocol`` and ``port`` are the IP protocol of the packets that carry it between hosts, and their UDP port.
    A ``protocol`` of None is for packets that keep the containers' own addresses; ``port`` is None without UDP.
    """

    stages: tuple[str, ...]
    protocol: int | None = None
    port: int | None = None

    @property
    def is_own(self) -> bool:
        """True for packets of hosts themselves: containers share the network of their hosts."""
        return self.stages == OWN_STAGES


UDP, IPIP, ESP = 17, 4, 50
"""Numbers of IP protocols."""


def first_containers(spec: OverlaySpec) -> dict[str, str]:
    """Return the name of each host's first container, by host; hosts without containers are missing."""
    containers: dict[str, str] = {}
    for container in spec.containers:
        containers.setdefault(container.host, container.name)
    return containers


@dataclass(frozen=True, slots=True)
class Peer:
    """A host as the overlay on another host knows it.

    ``address`` is the end of the tunnel to it, and ``subnet`` the network of its containers.
    """

    host: str
    address: str
    subnet: str


@dataclass(frozen=True, slots=True)
class Connection:
    """The way in which two hosts forward to each other, in an overlay that has several: ``fastdp``, ``sleeve``.

    ``is_wanted`` is False for a way that is slower than the one that the variant asks for.
    """

    first: str
    second: str
    method: str
    is_wanted: bool


@dataclass(frozen=True, slots=True)
class PairProbe:
    """The round trips between two hosts, and between the first container of each.

    ``circuits`` are the ids of the circuits between the hosts. ``expected_us`` is the computed round trip between the
    containers: on each circuit, the delay and the time to send an echo with the overlay's headers; None if more than
    one path joins the hosts. ``machine_us`` and ``container_us`` are the median round trips between the hosts and
    between the containers; None if no answer came. ``error_us`` is ``container_us`` minus ``expected_us``.
    ``is_denied`` says that the overlay's policies deny the echoes between the containers. ``family`` is 4 for echoes of
    IPv4, and 6 for those of IPv6.
    """

    first: str
    second: str
    containers: tuple[str, str]
    circuits: tuple[str, ...]
    expected_us: float | None
    machine_us: float | None
    container_us: float | None
    error_us: float | None
    sent: int
    lost: int
    samples_us: tuple[float, ...]
    is_denied: bool = False
    family: Family = 4


@dataclass(frozen=True, slots=True)
class FirstPacket:
    """The time from the overlay's start to the first answer between the first containers of two hosts."""

    first: str
    second: str
    after_ns: int | None
    """None if no answer came."""
    is_denied: bool = False
    """Whether the overlay's policies deny the echoes in both directions, so that none was sent."""
    family: Family = 4
    """4 for an answer over IPv4, and 6 for one over IPv6."""
