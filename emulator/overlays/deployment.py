"""An overlay's specification and a running network to a running overlay with its containers, and how long it took."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from emulator.docker import programs
from emulator.docker.daemon import COMMAND_ENDED
from emulator.lab import cgroups as limits
from emulator.lab.containers import Attachment
from emulator.lab.daemons import DaemonError
from emulator.measure.echo import Echo
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.overlays import overlay
from emulator.overlays.base import Overlay
from emulator.overlays.model import FirstPacket, OverlaySpec
from emulator.stores.etcd import Store, parse_address
from emulator.stores.relay import Relay
from emulator.system.errors import EmulationError
from emulator.system.poll import readable, wait_until

_STORE_PATIENCE_S = 60.0
_READY_PATIENCE_S = 180.0
"""In the network's clock, for all hosts; five `dockerd` that form a swarm need 24 s in the real one."""
_PACKET_PATIENCE_S = 90.0
"""After the last container has been attached. A daemon of a swarm that has missed a word of another's container asks a
member for all that it knows every 30 s."""
_INTERVAL_S = 0.01
_HOST_DESCRIPTORS = 8
"""What the overlay's part on a host, and the echoes from it, take of them; a container takes one."""

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Deployment:
    """An overlay that runs on a network. ``addresses`` are the containers', by name.

    ``first_packets`` has each pair of hosts that both have a container. ``store_version`` is what the store said of
    itself when it was ready, ``store_ns`` how long it took to start. All times are in the network's clock.
    """

    spec: OverlaySpec
    overlay: Overlay
    store: Store | None
    store_version: str | None
    store_ns: int | None
    addresses: dict[str, str]
    first_packets: tuple[FirstPacket, ...]


def require(spec: OverlaySpec) -> None:
    """See that the machine and its kernel have what an overlay needs, before anything is started.

    Raises:
        EmulationError: something is missing; what, and the command that mends it.
    """
    lacks = list(overlay(spec.name).lacks(spec))
    if spec.runtime == "docker":
        lacks += programs.lacks()
    elif any(container.has_limits for container in spec.containers):
        lacks += limits.lacks()
    if spec.store is not None and spec.store.address is None:
        lacks += Store.lacks(spec.store, in_guest=False)
    _refuse(spec, lacks)


@contextmanager
def relay_to(spec: OverlaySpec, *, in_guest: bool) -> Iterator[Relay | None]:
    """Within it, what leads to a store at an address; to be entered in the machine's own network, before all else.

    Raises:
        EmulationError: there is no store there, or nothing can lead to it.
    """
    if spec.store is None or spec.store.address is None:
        yield None
        return
    _refuse(spec, list(Store.lacks(spec.store, in_guest=in_guest)))
    with Relay(parse_address(spec.store.address)) as relay:
        yield relay


def _refuse(spec: OverlaySpec, lacks: list[str]) -> None:
    if lacks:
        raise EmulationError(f"{spec.name} {spec.variant}: {'; '.join(lacks)}")


@contextmanager
def deployed(
    network: EmulatedNetwork, spec: OverlaySpec, relay: Relay | None, progress: Progress
) -> Iterator[Deployment]:
    """Start the store, the overlay on its hosts, and the containers; wait until they reach each other.

    The clock for `FirstPacket` starts with the overlay, when the store is ready. All ends with the network; what is in
    a store at an address, which does not, is taken out again at the context's end.

    Raises:
        EmulationError: something of it cannot be started, has died, or does not get ready.
    """
    namespaces.allow_descriptors(len(spec.containers) + _HOST_DESCRIPTORS * len(spec.hosts))
    store, store_version, store_ns = None, None, None
    if spec.store is not None:
        progress("starting the store")
        began_ns = time.monotonic_ns()
        store = Store(network.lab, spec.store, relay)
        store.start()
        _await_store(store)
        store_ns = time.monotonic_ns() - began_ns
        store_version = store.version
    progress(f"starting {spec.name} {spec.variant}")
    began_ns = time.monotonic_ns()
    found = overlay(spec.name)(spec, network.lab, store)
    found.prepare()
    with ExitStack() as at_end:
        if spec.store is not None and spec.store.address is not None:
            at_end.callback(found.leave)
        yield Deployment(spec, found, store, store_version, store_ns, *_join(network, found, began_ns, progress))


def _join(
    network: EmulatedNetwork, found: Overlay, began_ns: int, progress: Progress
) -> tuple[dict[str, str], tuple[FirstPacket, ...]]:
    """Start an overlay and its containers: their addresses, and their first packets."""
    spec = found.spec
    for host in spec.hosts:
        found.start(host)
    with ExitStack() as stack:
        meetings = _Meetings(stack, began_ns)
        attached = _attach_all(network, found, meetings, progress)
        progress("waiting for the first packets")
        deadline_ns = time.monotonic_ns() + int(_PACKET_PATIENCE_S * 1e9)
        while meetings.is_waiting and time.monotonic_ns() < deadline_ns:
            meetings.step()
        for host in spec.hosts:
            found.is_ready(host)  # a daemon that has died since says why
        for name, attachment in attached.items():
            if attachment.running is not None and not attachment.running.is_there:
                raise DaemonError(f"container {name}: {COMMAND_ENDED}")
        addresses = {name: attachment.address for name, attachment in attached.items()}
        return addresses, meetings.found(spec.hosts)


def _await_store(store: Store) -> None:
    if not wait_until(store.is_ready, _STORE_PATIENCE_S, _INTERVAL_S):
        said = f": {store.daemon.last_lines()}" if store.daemon is not None else ""
        raise DaemonError(f"the store is not ready after {_STORE_PATIENCE_S:g} s{said}")


def _attach_all(
    network: EmulatedNetwork, found: Overlay, meetings: _Meetings, progress: Progress
) -> dict[str, Attachment]:
    attached: dict[str, Attachment] = {}
    spec = found.spec
    waiting = list(spec.hosts)
    deadline_ns = time.monotonic_ns() + int(_READY_PATIENCE_S * 1e9)
    while waiting:
        ready = [host for host in waiting if found.is_ready(host)]
        for host in ready:
            progress(f"starting containers on {host}")
            for container in spec.containers:
                if container.host == host:
                    attachment = attached[container.name] = found.attach(container)
                    network.add_container(container, attachment)
                    meetings.add(host, attachment)
            waiting.remove(host)
        if waiting and time.monotonic_ns() > deadline_ns:
            said = "; ".join(f"{it}: {it.last_lines()}" for host, it in found.agents.items() if host in waiting)
            on = ", ".join(waiting)
            raise DaemonError(f"{spec.name} is not ready on {on} after {_READY_PATIENCE_S:g} s: {said}")
        meetings.step()
    return attached


class _Meetings:
    """Sends echoes between the first containers of all pairs of hosts until each pair has had its first answer."""

    def __init__(self, stack: ExitStack, began_ns: int) -> None:
        self._stack = stack
        self._began_ns = began_ns
        self._ends: dict[str, tuple[Echo, str]] = {}
        self._met: dict[tuple[str, str], int] = {}
        self._waiting: set[tuple[str, str]] = set()
        self._number = 0

    @property
    def is_waiting(self) -> bool:
        """Whether a pair has had no answer yet."""
        return bool(self._waiting)

    def add(self, host: str, attachment: Attachment) -> None:
        """A container that can be reached from now on; only a host's first counts."""
        if host not in self._ends:
            echo = self._stack.enter_context(Echo(attachment.namespace, attachment.address))
            self._waiting |= {(other, host) for other in self._ends}
            self._ends[host] = echo, attachment.address

    def step(self) -> None:
        """One echo for each pair that waits, and what comes back in the time until the next."""
        self._number += 1
        for first, second in self._waiting:
            self._ends[first][0].send(self._ends[second][1], self._number)
        deadline_s = time.monotonic() + _INTERVAL_S
        host_of = {address: host for host, (_, address) in self._ends.items()}
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready = readable([echo.fileno() for echo, _ in self._ends.values()], left_s)
            for first, (echo, _) in self._ends.items():
                if echo.fileno() in ready:
                    for address in echo.answered():
                        self._meet((first, host_of.get(address, "")))

    def _meet(self, pair: tuple[str, str]) -> None:
        if pair in self._waiting:
            self._waiting.remove(pair)
            self._met[pair] = time.monotonic_ns() - self._began_ns

    def found(self, hosts: tuple[str, ...]) -> tuple[FirstPacket, ...]:
        """What was seen, in the order of the hosts."""
        pairs = [(a, b) for a, b in itertools.combinations(hosts, 2) if {a, b} <= self._ends.keys()]
        return tuple(FirstPacket(a, b, self._met.get((a, b), self._met.get((b, a)))) for a, b in pairs)
