"""The interface of all overlays."""

from __future__ import annotations

import abc
import signal
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from emulator.agents.model import AgentProgram
from emulator.lab.containers import Attachment, Container, Runtime
from emulator.lab.daemons import Daemon
from emulator.lab.lab import Lab
from emulator.measure.probe import Family
from emulator.netlink.handle import Handle
from emulator.netlink.state import KernelState
from emulator.overlays.model import About, Connection, OverlaySpec, PacketWay, Peer
from emulator.plan import Plan
from emulator.stores.etcd import Store

IPV6_OPTIONS = frozenset({"ipv6", "ipv6_pool"})
"""The fields of `OverlayOptions` that an overlay takes if it carries IPv6."""


class Overlay(abc.ABC):
    """An overlay in a lab. A module of this package defines one, and the module's name is the overlay's.

    A deployment makes the overlay, calls `prepare` once, starts it on all hosts, and attaches a host's containers when
    the host is ready. The overlay's daemons and namespaces belong to the lab, whose end stops them. ``host`` is a
    host's name in the plan.
    """

    variants: ClassVar[tuple[str, ...]]
    """The variants of the overlay; the first is the default."""
    runtimes: ClassVar[tuple[Runtime, ...]] = ("process", "docker")
    """The runtimes that its containers can have; the first is the default."""
    reasons: ClassVar[Mapping[str, str]] = {}
    """The reasons not to take options of other overlays, by the field of `OverlayOptions`, where a user may ask."""
    daemons: ClassVar[tuple[str, ...]] = ()
    """The programs of this machine that run the overlay, by their names; a result depends on them."""
    memory_bytes: ClassVar[int] = 2**30
    """The memory that a guest needs for the overlay."""

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        """Keep what the overlay needs; ``store`` is a store that runs, or None if the variant needs no store."""
        self.spec = spec
        self.lab = lab
        self.store = store
        self.agents: dict[str, Daemon] = {}
        """The agents by host. If a host does not get ready, the error quotes its agent's log."""

    @classmethod
    def about(cls, variant: str) -> About:  # noqa: ARG003 - for overlays whose variants differ
        """Return the description of a variant for `gtsdsl overlays`; by default, it is the class's first sentence."""
        return About((cls.__doc__ or "").partition(".")[0])

    @classmethod
    @abc.abstractmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:
        """Return the way of a container's packet through a host, from whose stages follows its processor time."""

    @classmethod
    def default_variant(cls) -> str:
        """Return the variant of an overlay that is named without one."""
        return cls.variants[0]

    @classmethod
    def needs_store(cls, variant: str) -> bool:  # noqa: ARG003 - an overlay may have variants with and without
        """Return whether a variant keeps its state in a key-value store."""
        return False

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - for overlays that have options of their own
        """Return the fields of `OverlayOptions` that a variant takes and other overlays do not: ``password``."""
        return frozenset()

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - for overlays that need something
        """Yield a sentence for each thing that this machine or its kernel lacks, with the command that adds it.

        This is called where the lab will run, before anything starts.
        """
        yield from ()

    @classmethod
    def store_faults(cls, spec: OverlaySpec, version: tuple[int, ...]) -> Iterator[str]:  # noqa: ARG003 - for Docker
        """Yield a sentence if the overlay cannot use the version of its store's etcd, such as (3, 4, 23).

        The version is empty if it is unknown.
        """
        yield from ()

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - for overlays with limits
        """Yield a sentence for each demand that the overlay cannot meet on any machine, such as too many hosts."""
        yield from ()

    @classmethod
    def programs(cls, spec: OverlaySpec) -> dict[str, AgentProgram]:  # noqa: ARG003 - for overlays with other agents
        """Return the program of each host whose agent is not the built-in one, from the text of ``spec.agent``.

        Raises:
            EmulationError: the text names no agent, or the agent is missing.
        """
        return {}

    @classmethod
    def misfits(cls, spec: OverlaySpec, plan: Plan) -> Iterator[str]:  # noqa: ARG003 - for overlays that need it
        """Yield a sentence for each reason why the overlay, with its agents, cannot run on the topology of a plan."""
        yield from ()

    @property
    @abc.abstractmethod
    def agent(self) -> str:
        """The program that runs the overlay, with its version: ``built-in control plane``, ``dockerd 20.10.24``."""

    @classmethod
    @abc.abstractmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the bytes that the overlay adds to a packet between two hosts."""

    @classmethod
    def ipv6_added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the same for a packet of IPv6, whose tunnel may lead over IPv6."""
        return cls.added_bytes(spec)

    @classmethod
    def most_added_bytes(cls, spec: OverlaySpec) -> int:
        """Return the most bytes that the overlay adds to a packet of the families that containers have."""
        added_bytes = cls.added_bytes(spec)
        return added_bytes if spec.ipv6_pool is None else max(added_bytes, cls.ipv6_added_bytes(spec))

    @classmethod
    def container_mtu_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:
        """Return the MTU of the containers of a host, without a running lab.

        ``circuit_mtu_bytes`` returns the size of the largest packet that passes each of a host's circuits. By default,
        the containers have what remains of it when wrapped, or the MTU that the user gives.
        """
        return spec.mtu_bytes or circuit_mtu_bytes(host) - cls.most_added_bytes(spec)

    @classmethod
    def wrapped_bytes(cls, spec: OverlaySpec, host: str, circuit_mtu_bytes: Callable[[str], int]) -> int:
        """Return the size of the largest packet that a host sends for its containers, with the overlay's headers."""
        return cls.container_mtu_bytes(spec, host, circuit_mtu_bytes) + cls.most_added_bytes(spec)

    @property
    def overhead_bytes(self) -> int:
        """The bytes that the overlay adds to a packet between two hosts."""
        return self.added_bytes(self.spec)

    def mtu_bytes(self, host: str) -> int:
        """Return the MTU of the containers of a host."""
        return self.container_mtu_bytes(self.spec, host, self.circuit_mtu_bytes)

    @property
    def ipv6_overhead_bytes(self) -> int:
        """The same for a packet of IPv6."""
        return self.ipv6_added_bytes(self.spec)

    def prepare(self) -> None:  # noqa: B027 - for overlays that need it
        """Do what must be done once before the first host starts, such as to write a configuration into the store.

        Raises:
            EmulationError: the overlay cannot run in this lab or with this store.
        """

    @abc.abstractmethod
    def start(self, host: str) -> None:
        """Start the overlay on a host and return before it is ready.

        Raises:
            EmulationError: a part of the overlay cannot be started.
        """

    @abc.abstractmethod
    def is_ready(self, host: str) -> bool:
        """Return whether containers can be attached on a host.

        Raises:
            EmulationError: a daemon of the host has died; the message has its name and its last lines of log.
        """

    @abc.abstractmethod
    def attach(self, container: Container) -> Attachment:
        """Start a container on its host, which must be ready, and join it to the overlay.

        Raises:
            EmulationError: the container cannot be started.
        """

    @abc.abstractmethod
    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the other hosts that the overlay knows on a host now."""

    @abc.abstractmethod
    def state(self, host: str) -> KernelState:
        """Return what the overlay has in the kernel of a host now."""

    def connections(self) -> tuple[Connection, ...]:
        """Return how each two hosts forward to each other now, if the overlay has several ways; else nothing."""
        return ()

    def lets_through(self, near: str, far: str, family: Family = 4) -> bool:  # noqa: ARG002 - for overlays with policies
        """Return whether the overlay's policies let an echo of a family pass from a container to another, by name."""
        return True

    def view(self, host: str) -> tuple[str, ...]:  # noqa: ARG002 - for overlays whose agents answer questions
        """Return the lines in which the agent of a host shows what it knows, such as its peers and its routes."""
        return ()

    def kill(self, host: str) -> None:
        """Kill the agent of a host, as if it had crashed; `start` starts it again.

        Raises:
            KeyError: the host has no agent.
        """
        self.agents[host].stop(signal.SIGKILL)

    @abc.abstractmethod
    def stop(self, host: str) -> None:
        """Stop the overlay on a host in order, as an administrator does; the other hosts forget the host."""

    def leave(self) -> None:  # noqa: B027 - for overlays that write into a store
        """Remove this lab's data from a store that outlives the lab."""

    def namespace(self, host: str) -> int:
        """Return the descriptor of a host's network namespace."""
        return self.lab.namespace(host)

    def loopback(self, host: str) -> str:
        """Return a host's own address, which is reachable over all circuits; tunnels end at it."""
        return self.lab.plan.loopback(host)

    def ipv6_loopback(self, host: str) -> str | None:
        """Return a host's own address of IPv6; None in a network of IPv4 only."""
        return self.lab.plan.ipv6_loopback(host)

    def circuits(self, host: str) -> tuple[str, ...]:
        """Return the names of a host's interfaces to circuits."""
        return tuple(end.name for end in self.lab.plan.ends if end.node == host)

    def circuit_mtu_bytes(self, host: str) -> int:
        """Return the size of the largest packet that passes each of a host's circuits."""
        with Handle(self.namespace(host)) as kernel:
            return kernel.least_mtu_bytes(self.circuits(host))
