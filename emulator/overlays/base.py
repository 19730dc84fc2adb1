"""The one interface of all overlays: what it needs, start on a host, attach a container, what it wrote, stop."""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from emulator.lab.containers import Attachment, Container
from emulator.netlink.handle import Handle
from emulator.overlays.model import OverlaySpec, Peer, Runtime

if TYPE_CHECKING:
    from emulator.lab.daemons import Daemon
    from emulator.mininet.network import EmulatedNetwork
    from emulator.netlink.state import KernelState
    from emulator.stores.etcd import Store


class Overlay(abc.ABC):
    """An overlay on a running network. A module of this package defines one, and is found by its name.

    It is made once for a network, and ends with it: its daemons and namespaces are the network's, which ends them. The
    methods that take a host take its name in the plan.
    """

    forms: ClassVar[tuple[str, ...]]
    """In which it comes; the first is the one that is taken if nothing is said."""
    runtimes: ClassVar[tuple[Runtime, ...]] = ("process", "docker")
    """What its containers may be; the first is the one that is taken if nothing is said."""
    memory_bytes: ClassVar[int] = 2**30
    """What a guest needs for it, with the hosts of the study's topologies."""

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        self.spec = spec
        self.network = network
        self.store = store
        self.agents: dict[str, Daemon] = {}
        """The daemon of each host on which one has been started; their logs tell why it is not ready."""

    @classmethod
    def needs_store(cls, form: str) -> bool:  # noqa: ARG003 - a form's
        """Whether a form keeps its state in a key-value store."""
        return False

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - others look
        """What this machine or its kernel lacks, a sentence each, with the command that mends it.

        It is asked where the network will run, before anything is started.
        """
        yield from ()

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - others look
        """Why it cannot be as it is asked for, on whatever machine, a sentence each: a network that is too small."""
        yield from ()

    @property
    @abc.abstractmethod
    def agent(self) -> str:
        """Who brings it up, with its version: ``built-in control plane``, ``dockerd 20.10.24``."""

    @property
    @abc.abstractmethod
    def overhead_bytes(self) -> int:
        """What a packet grows by on the way between two hosts; containers' MTU is less by as much."""

    def circuits(self, host: str) -> tuple[str, ...]:
        """The names of a host's interfaces to circuits."""
        return tuple(end.name for end in self.network.plan.ends if end.node == host)

    def circuit_mtu_bytes(self, host: str) -> int:
        """The largest packet that passes each of a host's circuits."""
        with Handle(self.network.underlay.namespaces[host].descriptor) as kernel:
            return kernel.least_mtu_bytes(self.circuits(host))

    @abc.abstractmethod
    def start(self, host: str) -> None:
        """Start it on a host; it returns before it is ready.

        Raises:
            EmulationError: something cannot be started.
        """

    @abc.abstractmethod
    def is_ready(self, host: str) -> bool:
        """Whether containers can be attached on a host.

        Raises:
            EmulationError: it never will be: a daemon has died; its name and its last lines of log.
        """

    @abc.abstractmethod
    def attach(self, container: Container) -> Attachment:
        """Start a container on its host, which must be ready, in the overlay.

        Raises:
            EmulationError: it cannot be started.
        """

    @abc.abstractmethod
    def peers(self, host: str) -> tuple[Peer, ...]:
        """The other hosts that it knows of on a host, now."""

    @abc.abstractmethod
    def state(self, host: str) -> KernelState:
        """What it wrote into the kernel on a host, as data, now."""

    @abc.abstractmethod
    def stop(self, host: str) -> None:
        """Take it down on a host in order, as an administrator would: the others learn of it."""

    def leave(self) -> None:  # noqa: B027 - for one that would leave something
        """Take out of a store that outlives the network what is this network's alone."""
