"""The deployment of an overlay in a lab: the store, the overlay on its hosts, the containers, their first packets."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from emulator.docker import programs
from emulator.docker.daemon import COMMAND_ENDED
from emulator.lab import cgroups
from emulator.lab.containers import Attachment, Container
from emulator.lab.daemons import DaemonError
from emulator.lab.lab import Lab
from emulator.measure.echo import Echo
from emulator.measure.probe import BOTH, Family
from emulator.netlink import namespaces
from emulator.overlays import overlay_class
from emulator.overlays.base import Overlay
from emulator.overlays.model import FirstPacket, OverlaySpec
from emulator.overlays.ways import way_of
from emulator.stores.etcd import Store, parse_address
from emulator.stores.relay import Relay
from emulator.system.errors import EmulationError
from emulator.system.poll import readable, wait_until
from gtsdsl.text import printable

_STORE_PATIENCE_S = 60.0
_READY_PATIENCE_S = 180.0
"""The time in which all hosts must be ready, in the lab's clock; five `dockerd` that form a swarm need 24 s of it in
the real clock."""
_PACKET_PATIENCE_S = 90.0
"""The time for first packets after the last container has been attached. A swarm's daemon that has missed a message
about another daemon's container asks a member for its whole state every 30 s."""
_INTERVAL_S = 0.01
_MOST_HOLES = 4
"""The most black holes that an error names."""
_HOST_DESCRIPTORS = 9
"""The file descriptors that an overlay and its echoes need for a host; a container needs one more."""

_End: TypeAlias = tuple[str, Family]
Progress = Callable[[str], None]
"""Shows the user what happens now."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """An overlay that runs in a lab, with its containers.

    ``store_version`` is the store's own answer, and ``store_ns`` the time until the store was ready; both are None
    without a store. ``addresses`` are the containers' addresses, by name, and ``ipv6_addresses`` their IPv6 addresses
    in an overlay with IPv6. ``first_packets`` has each pair of hosts that both have a container, in each family. All
    times are in the lab's clock.
    """

    spec: OverlaySpec
    overlay: Overlay
    store: Store | None
    store_version: str | None
    store_ns: int | None
    addresses: dict[str, str]
    ipv6_addresses: dict[str, str]
    first_packets: tuple[FirstPacket, ...]

    def reattach(self, name: str) -> str:
        """Attach a container again, after its daemon was started again, and return its new address.

        The container ended with its daemon. The lab's descriptor of its namespace leads to the new one.

        Raises:
            EmulationError: the overlay has no such container, or it cannot be started.
        """
        container = next((container for container in self.spec.containers if container.name == name), None)
        if container is None:
            raise EmulationError(f"the overlay has no container {name[:80]!a}")
        attachment = self.overlay.attach(container)
        self.overlay.lab.replace_container(container, attachment)
        _charge(self.overlay, container, attachment)
        self.addresses[name] = attachment.address
        if attachment.ipv6_address is not None:
            self.ipv6_addresses[name] = attachment.ipv6_address
        return attachment.address

    def addresses_of(self, family: Family) -> dict[str, str]:
        """Return the containers' addresses of a family, 4 or 6, by name."""
        return self.ipv6_addresses if family == 6 else self.addresses


def require(spec: OverlaySpec) -> None:
    """Check that this machine and its kernel have what an overlay needs, before anything starts.

    Raises:
        EmulationError: something is missing; the message has the command that adds it.
    """
    _refuse(spec, missing(spec))


def missing(spec: OverlaySpec) -> list[str]:
    """Return a sentence for each thing that an overlay needs and this machine or its kernel lacks."""
    lacks = list(overlay_class(spec.name).lacks(spec))
    if spec.runtime == "docker":
        lacks += programs.lacks()
    elif any(container.has_limits for container in spec.containers):
        lacks += cgroups.lacks()
    if spec.store is not None and spec.store.address is None:
        lacks += Store.lacks(spec.store, in_guest=False)
    return lacks


@contextmanager
def relay_to(spec: OverlaySpec, *, in_guest: bool) -> Iterator[Relay | None]:
    """Open a relay to the store of an overlay, if the store is at an address; else yield None.

    This must happen in this machine's own network, before anything else.

    Raises:
        EmulationError: no store answers at the address, a guest kernel could not reach it, or the overlay cannot use
            its version.
    """
    if spec.store is None or spec.store.address is None:
        yield None
        return
    faults = partial(overlay_class(spec.name).store_faults, spec)
    _refuse(spec, list(Store.lacks(spec.store, in_guest=in_guest, faults=faults)))
    with Relay(parse_address(spec.store.address)) as relay:
        yield relay


def _refuse(spec: OverlaySpec, lacks: list[str]) -> None:
    if lacks:
        raise EmulationError(f"{spec.name} {spec.variant}: {'; '.join(lacks)}")


@contextmanager
def deploy(lab: Lab, spec: OverlaySpec, relay: Relay | None, progress: Progress) -> Iterator[Deployment]:
    """Start the store, the overlay on its hosts, and the containers; wait until the containers reach each other.

    The clock of `FirstPacket` starts with the overlay, when the store is ready. Everything ends with the lab, except a
    store at an address: at exit, the deployment removes from it what belongs to this lab alone.

    Raises:
        EmulationError: a part cannot be started, has died, or does not become ready.
    """
    namespaces.allow_descriptors(len(spec.containers) + _HOST_DESCRIPTORS * len(spec.hosts))
    store, store_version, store_ns = None, None, None
    if spec.store is not None:
        progress("starting the store")
        began_ns = time.monotonic_ns()
        store = Store(lab, spec.store, relay)
        store.start()
        _await_store(store)
        store_ns = time.monotonic_ns() - began_ns
        store_version = store.version
    progress(f"starting {spec.name} {spec.variant}")
    began_ns = time.monotonic_ns()
    overlay = overlay_class(spec.name)(spec, lab, store)
    overlay.prepare()
    way = way_of(spec)
    if not way.is_own:
        for host in spec.hosts:
            lab.charge_containers(host, way.stages, way.protocol, way.port)
    with ExitStack() as at_end:
        if spec.store is not None and spec.store.address is not None:
            at_end.callback(overlay.leave)
        yield Deployment(spec, overlay, store, store_version, store_ns, *_start(overlay, began_ns, progress))


def _start(
    overlay: Overlay, began_ns: int, progress: Progress
) -> tuple[dict[str, str], dict[str, str], tuple[FirstPacket, ...]]:
    """Start an overlay and its containers; return the containers' addresses of both families, and first packets."""
    spec = overlay.spec
    for host in spec.hosts:
        overlay.start(host)
    with ExitStack() as stack:
        echoes = _FirstEchoes(stack, began_ns, overlay.lets_through)
        attachments = _attach_all(overlay, echoes, progress)
        progress("waiting for the first packets")
        deadline_ns = time.monotonic_ns() + int(_PACKET_PATIENCE_S * 1e9)
        while echoes.is_waiting and time.monotonic_ns() < deadline_ns:
            echoes.step()
        for host in spec.hosts:
            overlay.is_ready(host)  # raises the error of a daemon that has died meanwhile
        for name, attachment in attachments.items():
            if attachment.running is not None and not attachment.running.is_there:
                raise DaemonError(f"container {name}: {COMMAND_ENDED}")
        addresses = {name: attachment.address for name, attachment in attachments.items()}
        found = {name: attachment.ipv6_address for name, attachment in attachments.items()}
        ipv6_addresses = {name: address for name, address in found.items() if address is not None}
        return addresses, ipv6_addresses, echoes.first_packets(spec.hosts, spec.families)


def _await_store(store: Store) -> None:
    if not wait_until(store.is_ready, _STORE_PATIENCE_S, _INTERVAL_S):
        log = f": {store.daemon.last_lines()}" if store.daemon is not None else ""
        raise DaemonError(f"the store is not ready after {_STORE_PATIENCE_S:g} s{log}")


def _attach_all(overlay: Overlay, echoes: _FirstEchoes, progress: Progress) -> dict[str, Attachment]:
    """Attach the containers of each host as soon as the host is ready, and return their attachments by name."""
    attachments: dict[str, Attachment] = {}
    spec = overlay.spec
    waiting = list(spec.hosts)
    deadline_ns = time.monotonic_ns() + int(_READY_PATIENCE_S * 1e9)
    while waiting:
        ready = [host for host in waiting if overlay.is_ready(host)]
        for host in ready:
            progress(f"starting containers on {host}")
            for container in spec.containers:
                if container.host == host:
                    attachment = attachments[container.name] = overlay.attach(container)
                    overlay.lab.add_container(container, attachment)
                    _charge(overlay, container, attachment)
                    echoes.add(container, attachment)
            waiting.remove(host)
        if waiting and time.monotonic_ns() > deadline_ns:
            logs = "; ".join(f"{it}: {it.last_lines()}" for host, it in overlay.agents.items() if host in waiting)
            hosts = ", ".join(waiting)
            raise DaemonError(
                f"{spec.name} is not ready on {hosts} after {_READY_PATIENCE_S:g} s{_holes(overlay.lab)}: {logs}"
            )
        echoes.step()
    return attachments


def _holes(lab: Lab) -> str:
    """Return a clause that names the black holes of a lab; empty if it has none."""
    circuits = lab.plan.circuits
    if not (holes := [printable(it.id, 40) for it in circuits if it.is_black_hole]):
        return ""
    shown = ", ".join(holes[:_MOST_HOLES]) + (", …" if holes[_MOST_HOLES:] else "")
    least_bytes = min(it.mtu_bytes for it in circuits)
    return f" (black holes on {shown}: packets above {least_bytes} bytes may be lost)"


def _charge(overlay: Overlay, container: Container, attachment: Attachment) -> None:
    """Make a host pay for the packets with a container's own addresses on the circuits, and set its limit."""
    if not way_of(overlay.spec).is_own:
        for address in attachment.addresses:
            overlay.lab.charge_container(container.host, address)
        overlay.lab.limit_container(container.name, attachment.addresses)


class _FirstEchoes:
    """Echoes between the first containers of all pairs of hosts, sent until each pair has had its first reply.

    An end is a host and a family of addresses, 4 or 6; a pair has two ends of one family.
    """

    def __init__(self, stack: ExitStack, began_ns: int, lets_through: Callable[[str, str, Family], bool]) -> None:
        """``lets_through`` says whether policies let echoes of a family pass from a container to another, by name."""
        self._stack = stack
        self._began_ns = began_ns
        self._lets_through = lets_through
        self._ends: dict[_End, tuple[Echo, str]] = {}
        self._names: dict[str, str] = {}
        """The first container of each host."""
        self._denied: set[tuple[_End, _End]] = set()
        self._after_ns: dict[tuple[_End, _End], int] = {}
        self._waiting: set[tuple[_End, _End]] = set()
        self._number = 0

    @property
    def is_waiting(self) -> bool:
        """True while a pair of hosts has had no reply."""
        return bool(self._waiting)

    def add(self, container: Container, attachment: Attachment) -> None:
        """Begin to send echoes to and from a host's container; only the first container of each host counts.

        Of a pair of hosts, one sends to the other in a direction that the policies allow.
        """
        host = container.host
        if host in self._names:
            return
        for family, address in zip(BOTH, attachment.addresses, strict=False):
            end = host, family
            for other_host, name in self._names.items():
                other = other_host, family
                if self._lets_through(name, container.name, family):
                    self._waiting.add((other, end))
                elif self._lets_through(container.name, name, family):
                    self._waiting.add((end, other))
                else:
                    self._denied |= {(other, end), (end, other)}
            self._ends[end] = self._stack.enter_context(Echo(attachment.namespace, address)), address
        self._names[host] = container.name

    def step(self) -> None:
        """Send one echo for each pair that waits, and receive replies for `_INTERVAL_S`."""
        self._number += 1
        for first, second in self._waiting:
            self._ends[first][0].send(self._ends[second][1], self._number)
        deadline_s = time.monotonic() + _INTERVAL_S
        end_of = {address: end for end, (_, address) in self._ends.items()}
        while (left_s := deadline_s - time.monotonic()) > 0:
            ready = readable([echo.fileno() for echo, _ in self._ends.values()], left_s)
            for first, (echo, _) in self._ends.items():
                if echo.fileno() in ready:
                    for address in echo.answered():
                        if address in end_of:
                            self._record(first, end_of[address])

    def _record(self, first: _End, second: _End) -> None:
        if (first, second) in self._waiting:
            self._waiting.remove((first, second))
            self._after_ns[first, second] = time.monotonic_ns() - self._began_ns

    def first_packets(self, hosts: Sequence[str], families: Sequence[Family]) -> tuple[FirstPacket, ...]:
        """Return the time of each pair's first reply: family by family, in the order of the hosts."""
        found = []
        for family in families:
            for first, second in itertools.combinations([host for host in hosts if host in self._names], 2):
                pair = (first, family), (second, family)
                after_ns = self._after_ns.get(pair, self._after_ns.get(pair[::-1]))
                found.append(FirstPacket(first, second, after_ns, pair in self._denied, family))
        return tuple(found)
