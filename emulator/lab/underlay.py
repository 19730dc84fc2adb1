"""The underlay: a plan's network namespaces and the circuits between them, without any process.

The namespaces have no names. This process holds them by descriptors, so the kernel removes them, with everything in
them, when this process ends, even if it is killed. Two underlays cannot meet. (Names below ``/run/netns`` would survive
a kill. A process that holds each namespace would cost one process for each host.)
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Address
from typing import Self

from emulator.lab import cores
from emulator.lab.namespace import Namespace
from emulator.lab.sysctls import SYSCTLS, host_sysctls, set_up, switch_sysctls
from emulator.netlink import addresses, filters, links, namespaces, neighbours, qdiscs, routes
from emulator.netlink.connection import Netlink, NetlinkError, is_missing
from emulator.netlink.messages import KernelRequest
from emulator.plan import Circuit, Host, Interface, Plan, Route
from emulator.plan.neighbours import permanent_neighbours
from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from gtsdsl.collector import without_collector
from gtsdsl.model.losses import NO_LOSS
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.topology.naming import interface_name
from gtsdsl.topology.stated import Address

_REPORTS_S = 0.001
"""The wait in which the kernel's threads send the last reports of multicast groups, before there is netem."""


Create = Callable[[Sequence[str], Callable[[int], Netlink]], list[tuple[int, Netlink]]]
"""Makes a namespace for each name and calls a function inside it, with the number of the name; returns the descriptor
of each namespace and the result of its call."""


class Underlay(Closing):
    """The namespaces and circuits of a plan, from entry to exit; a context manager.

    Raises, at entry:
        EmulationError: this kernel lacks what the plan needs, or the user may not make namespaces. Nothing is left
            behind.
    """

    def __init__(self, plan: Plan, create: Create | None = None) -> None:
        """``create`` makes the hosts' namespaces; None makes new, empty ones."""
        self.plan = plan
        self._create = create or _create
        self._added = 0
        self._neighbours = tuple(permanent_neighbours(plan))
        self._switch_names = frozenset(switch.name for switch in plan.switches)
        self.namespaces: dict[str, Namespace] = {}
        """The namespaces of hosts and containers, by name."""
        self.switches: Namespace | None = None
        """The namespace that all switches share, because one Open vSwitch serves them all; None without switches."""
        self.circuits = list(plan.circuits)
        """The circuits of the plan, and those that were added."""
        self.cores = None if plan.cpu is None else cores.Cores(plan, plan.cpu)
        """The queues of the hosts' processors; None if packets cost nothing."""

    def __enter__(self) -> Self:
        try:
            with without_collector():
                self._make()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Release the namespaces. The kernel removes each with its contents when the last process in it has ended."""
        while self.namespaces:
            os.close(self.namespaces.popitem()[1].descriptor)
        if self.switches is not None:
            os.close(self.switches.descriptor)
            self.switches = None

    @property
    def descriptors(self) -> list[int]:
        """The descriptors of all namespaces."""
        shared = [] if self.switches is None else [self.switches]
        return [namespace.descriptor for namespace in (*self.namespaces.values(), *shared)]

    def namespace(self, node: str) -> Namespace:
        """Return the namespace of a host, a container or a switch, by its name.

        Raises:
            KeyError: the underlay has no such node.
        """
        if self.switches is not None and node in self._switch_names:
            return self.switches
        return self.namespaces[node]

    def hold(self, name: str, descriptor: int) -> None:
        """Adopt a namespace under a name; it is closed with the others.

        Raises:
            EmulationError: the underlay has a node of that name.
        """
        if name in self.namespaces or name in self._switch_names:
            raise EmulationError(f"there is a node {name!a} already")
        self.namespaces[name] = Namespace(descriptor, links.LOOPBACK_INDEX + 1)

    @contextlib.contextmanager
    def netlink(self, node: str) -> Iterator[Netlink]:
        """Open a netlink socket in the namespace of a host, a container or a switch, by its name."""
        with namespaces.entered(self.namespace(node).descriptor):
            netlink = Netlink()
        with netlink:
            yield netlink

    def add_host(self, name: str, loopbacks: Sequence[str]) -> int:
        """Make a host with its own addresses and no circuit, and return its namespace's descriptor."""
        ((descriptor, netlink),) = namespaces.create(1, lambda _: set_up(host_sysctls(self.plan)))
        with netlink:
            self.hold(name, descriptor)
            netlink.send([links.up(links.LOOPBACK_INDEX, "lo"), *map(_own_address, loopbacks)])
        return descriptor

    def add_circuit(self, first: tuple[str, int], second: tuple[str, int]) -> Circuit:
        """Make a circuit between two hosts, by their names and port numbers, without addresses and impairment."""
        self._added += 1
        number = 2 * (len(self.plan.circuits) + self._added)
        found = []
        for (node, port), mac in zip((first, second), (number + 1, number + 2), strict=True):
            with self.netlink(node) as netlink:
                index = self.namespaces[node].take_index(netlink)
            name = interface_name(node, port)
            text = (0x02 << 40 | mac).to_bytes(6, "big").hex(":")
            found.append(Interface(node, str(port), name, port, index, text, None, None))
        with self.netlink(first[0]) as netlink:
            netlink.send([links.veth(self._end(found[0]), self._end(found[1]))])
        for end in found:
            with self.netlink(end.node) as netlink:
                netlink.send([links.up(end.index, end.name)])
        for end in found:
            with self.netlink(end.node) as netlink:
                links.settle(netlink, [end.name])
        self.circuits.append(Circuit(f"{found[0].name}-{found[1].name}", found[0], found[1], 0, "unknown"))
        return self.circuits[-1]

    def finish_checksums(self) -> None:
        """Let hosts complete the checksums of packets to switches, and send them none above the MTU.

        A switch that is a program cannot complete them. A switch of the kernel would let a packet pass that is still to
        be divided, whatever the MTU of its port.
        """
        for circuit in self.plan.circuits:
            for end, far in (circuit.ends, circuit.ends[::-1]):
                if end.node not in self._switch_names and far.node in self._switch_names:
                    with self.netlink(end.node) as netlink:
                        links.finish_checksums(netlink, [end.name])

    def restore(self, end: Interface) -> None:
        """Make again what the kernel removed when an interface went down: addresses, neighbours, routes through it."""
        requests = _ipv6_addresses(end, replace=True)
        requests += [
            neighbours.add(end.index, end.name, address, mac)
            for interface, address, mac in self._neighbours
            if interface.name == end.name
        ]
        for host in self.plan.hosts:
            if host.name == end.node:
                requests += [
                    request
                    for own, through in _families(host)
                    for route in through
                    if route.interface == end.name
                    for request in routes.add(route.destinations, route.gateway, end.index, end.name, own, replace=True)
                ]
        if requests:
            with self.netlink(end.node) as netlink:
                netlink.send(requests)

    def _make(self) -> None:
        plan = self.plan
        if plan.is_impaired:
            require_netem()
        if any(circuit.is_black_hole for circuit in plan.circuits):
            filters.require()
        names = [host.name for host in plan.hosts]
        # two for each namespace: its own, and a netlink socket's while the network is being made
        namespaces.allow_descriptors(2 * (len(names) + 1))
        with contextlib.ExitStack() as stack:
            sysctls = host_sysctls(plan)
            sockets: dict[int, Netlink] = {}
            for name, (descriptor, netlink) in zip(names, self._create(names, lambda _: set_up(sysctls)), strict=True):
                self.hold(name, descriptor)
                sockets[descriptor] = stack.enter_context(netlink)
            if plan.switches:
                ((descriptor, netlink),) = namespaces.create(1, lambda _: set_up(switch_sysctls(plan)))
                self.switches = Namespace(descriptor, links.LOOPBACK_INDEX + 1)
                sockets[descriptor] = stack.enter_context(netlink)
            if plan.circuits:
                # from an empty namespace, because before Linux 6.13 an interface's index must also be free in the
                # namespace that the request comes from
                ((descriptor, empty),) = namespaces.create(1, lambda _: Netlink())
                stack.callback(os.close, descriptor)
                stack.enter_context(empty).send(
                    [
                        links.veth(*(self._end(end, circuit.mtu_bytes) for end in circuit.ends))
                        for circuit in plan.circuits
                    ]
                )
            first, later = self._requests()
            for descriptor, requests in first.items():
                sockets[descriptor].send(requests)
            if self.cores is not None:
                for name in names:
                    namespace = self.namespaces[name]
                    netlink = sockets[namespace.descriptor]
                    cores.send(netlink, self.cores.charge_host(name, namespace, netlink))
            waiting: dict[int, list[str]] = {}
            for end in plan.ends:
                # adding netem has the same effect, but in IPv6 an interface reports its groups again
                if end.egress is None or plan.has_ipv6:
                    waiting.setdefault(self.namespace(end.node).descriptor, []).append(end.name)
            for descriptor, interfaces in waiting.items():
                links.settle(sockets[descriptor], interfaces)
            if plan.has_ipv6:
                time.sleep(_REPORTS_S)
            # now every circuit has a carrier, so routes and qdiscs are active as soon as they are made
            for descriptor, requests in later.items():
                if requests:
                    sockets[descriptor].send(requests)

    def _end(self, end: Interface, mtu_bytes: int = MTU_BYTES) -> links.VethEnd:
        namespace = self.namespace(end.node)
        namespace.next_index = max(namespace.next_index, end.index + 1)
        return links.VethEnd(
            namespace.descriptor, end.name, end.index, bytes.fromhex(end.mac.replace(":", "")), mtu_bytes
        )

    def _requests(self) -> tuple[dict[int, list[KernelRequest]], dict[int, list[KernelRequest]]]:
        """Return, by namespace descriptor, the requests that set interfaces up and those that need all interfaces."""
        first = {descriptor: [links.up(links.LOOPBACK_INDEX, "lo")] for descriptor in self.descriptors}
        later: dict[int, list[KernelRequest]] = {descriptor: [] for descriptor in self.descriptors}
        index_of: dict[str, int] = {}
        for circuit in self.plan.circuits:
            for end in circuit.ends:
                node = self.namespace(end.node).descriptor
                index_of[end.name] = end.index
                if end.address is not None:
                    first[node].append(addresses.add(end.index, end.name, end.address))
                first[node].append(links.up(end.index, end.name))
                # after it is up, because the kernel makes the route to an IPv6 subnet only then
                first[node] += _ipv6_addresses(end)
                if end.egress is not None:
                    later[node] += qdiscs.set_netem(end.index, end.name, end.egress)
                if circuit.is_black_hole:
                    later[node] += filters.drop_too_big(end.index, end.name)
        for end, address, mac in self._neighbours:
            later[self.namespace(end.node).descriptor].append(neighbours.add(end.index, end.name, address, mac))
        for host in self.plan.hosts:
            node = self.namespace(host.name).descriptor
            for own, through in _families(host):
                first[node].append(_own_address(own))
                for route in through:
                    index = index_of[route.interface]
                    later[node] += routes.add(route.destinations, route.gateway, index, route.interface, own)
        return first, later


def empty_namespace() -> int:
    """Make a namespace with `lo`, up, and nothing else, as a container's is; return its descriptor.

    Raises:
        EmulationError: the kernel refuses a namespace.
    """
    ((descriptor, netlink),) = namespaces.create(1, lambda _: set_up(SYSCTLS))
    with netlink:
        netlink.send([links.up(links.LOOPBACK_INDEX, "lo")])
    return descriptor


def _own_address(loopback: str) -> KernelRequest:
    """Return the request that gives `lo` a host's own address, of either family."""
    return addresses.add(links.LOOPBACK_INDEX, "lo", f"{loopback}/{128 if ':' in loopback else 32}")


def _families(host: Host) -> Iterator[tuple[str, tuple[Route, ...]]]:
    """Yield the host's own address and its routes in each family."""
    yield host.loopback, host.routes
    if host.ipv6_loopback is not None:
        yield host.ipv6_loopback, host.ipv6_routes


def _ipv6_addresses(end: Interface, *, replace: bool = False) -> list[KernelRequest]:
    """Return the requests that give an interface its IPv6 addresses; ``replace`` is for one that may have them."""
    return [
        addresses.add(end.index, end.name, address, replace=replace)
        for address in (end.link_local, end.ipv6_address)
        if address is not None
    ]


def _create(names: Sequence[str], visit: Callable[[int], Netlink]) -> list[tuple[int, Netlink]]:
    return namespaces.create(len(names), visit)


def parse_address(text: str) -> Address:
    """Parse an IPv4 address with a prefix length, such as ``10.0.0.1/31``.

    Raises:
        ValueError: the text is no such address.
    """
    ip, _, prefix = text.partition("/")
    return Address(IPv4Address(ip), int(prefix))


def require_netem() -> None:
    """Check that this kernel has netem, in a namespace that exists only for the check.

    Raises:
        EmulationError: netem is missing, or the user may not make namespaces.
    """
    ((descriptor, netlink),) = namespaces.create(1, lambda _: Netlink())
    try:
        with netlink:
            probe = qdiscs.Netem(0, 0, NO_LOSS, 0, 1000, 1)
            netlink.send(qdiscs.set_netem(links.LOOPBACK_INDEX, "lo", probe))
    except NetlinkError as error:
        if not is_missing(error):
            raise
        raise EmulationError(
            "this kernel has no netem, which delays, losses and rates need: load it with `modprobe sch_netem`, or use "
            "a guest kernel (`gtsdsl kernel build`)"
        ) from None
    finally:
        os.close(descriptor)
