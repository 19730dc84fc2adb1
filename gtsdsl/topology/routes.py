"""Topology to routes: the neighbour through which each host reaches each other host.

There are two rules. Hosts that are joined by a circuit, or by switches alone, send to each other directly, even if a
detour would be faster, because real circuits do not reroute. All other hosts use the path of least delay, on which each
host keeps to the first rule; of equal paths, the one with fewer hops, then the one that comes first in the file.

The destinations are the hosts' own addresses, which are numbered in the order of the file. Neighbours are mostly
adjacent there, and adjacent addresses with the same next hop become one network: a host in a ring of 400 has 16 routes,
not 399. If the order says nothing about the topology, as in a random graph, hardly any addresses can be joined, and n
hosts need up to n² routes. The kernel takes 3 s and 0.2 GB for the million routes of 1,000 hosts. `MAX_ROUTES` limits
the routes, and `MAX_ROUTING_STEPS` the search. No network covers an unused address, so that the kernel refuses a packet
to such an address at once and it never goes in circles.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from itertools import groupby
from typing import NamedTuple, TypeAlias

from gtsdsl.topology.impairments import Directions
from gtsdsl.topology.model import Topology

FORWARDING = {"net.ipv4.ip_forward": "1"}
"""The kernel parameters of a host that forwards packets to other hosts."""
IPV6_FORWARDING = {"net.ipv6.conf.all.disable_ipv6": "0", "net.ipv6.conf.all.forwarding": "1"}
"""The same for IPv6. Docker, for one, has IPv6 off in containers. A host that forwards heeds no advertised routers."""

MAX_ROUTING_STEPS = 40_000_000
"""The most steps of the search for the routes of all hosts. A ring of 1,600 hosts takes 36,000,000."""
_NODE_STEPS = 4
"""The steps for each node in the search towards one host, because the search writes down the node's next hop."""
_WAY_STEPS = 8
"""The steps for each path to a node that the search examines, besides one step for each circuit of the node."""
MAX_ROUTES = 1_000_000
"""The most routes of all hosts in one family; each destination network of a host counts as one route."""

_FEW_HOSTS = 64


def time_to_live(hosts: int) -> dict[str, str]:
    """Return the kernel parameters with which a packet can pass ``hosts`` hosts.

    A ring of 400 hosts has paths of 200 hops, and a packet's usual time to live is 64.
    """
    return {"net.ipv4.ip_default_ttl": "255"} if hosts > _FEW_HOSTS else {}


def ipv6_hop_limit(hosts: int, *interfaces: str) -> dict[str, str]:
    """Return the kernel parameters with which an IPv6 packet can pass ``hosts`` hosts.

    ``default`` is the value of interfaces that are added later.
    """
    if hosts <= _FEW_HOSTS:
        return {}
    return {f"net.ipv6.conf.{name}.hop_limit": "255" for name in ("default", *interfaces)}


def open_filters(*interfaces: str) -> dict[str, str]:
    """Return the kernel parameters with which the two directions of a path may use different interfaces.

    With a strict filter, the kernel drops a packet that arrives at another interface than the one of the route back.
    The kernel uses the stricter of the values of ``all`` and of the interface. ``default`` is the value of interfaces
    that are added later.
    """
    return {f"net.ipv4.conf.{name}.rp_filter": "0" for name in ("all", "default", *interfaces)}


def next_hops(topology: Topology, effects: Mapping[str, Directions]) -> HopTable:
    """Return the next hops of each host, by the host's id: one for each host, in their order.

    ``effects`` are the topology's `impairments`. Interfaces are numbered: ``2k`` and ``2k + 1`` are the first and
    second end of wire ``k``.

    Raises:
        ValueError: the routes are more than `MAX_ROUTES`, or the search passes `MAX_ROUTING_STEPS`.
    """
    hosts = [host.id for host in topology.hosts]
    number = {node: index for index, node in enumerate([*hosts, *(switch.id for switch in topology.switches)])}
    joints = []
    for index, wire in enumerate(topology.wires):
        if wire.first in topology.control_ports or wire.second in topology.control_ports:
            continue  # a circuit to a controller carries no other packets
        rtt_us = effects[wire.link.id][0].rtt_us
        first, second = (number[end.resource] for end in wire.ends)
        joints += [Joint(2 * index, first, second, rtt_us), Joint(2 * index + 1, second, first, rtt_us)]
    paths = Paths(len(hosts), len(number), joints)
    hops: list[list[Hop | None]] = [[] for _ in hosts]
    for target in range(len(hosts)):
        for column, hop in zip(hops, paths.towards(target), strict=True):
            column.append(hop)
    return dict(zip(hosts, hops, strict=True))


def host_routes(hops: HopTable, loopbacks: Mapping[str, IPv4Address | IPv6Address]) -> dict[str, dict[Hop, list[str]]]:
    """Return the networks that each host reaches through each of its next hops.

    ``loopbacks`` are the hosts' own addresses in one family, in the order of ``hops``: the destinations.

    Raises:
        ValueError: the routes are more than `MAX_ROUTES`.
    """
    summary = Summary(list(loopbacks.values()))
    return {host: summary.of(column) for host, column in hops.items()}


_HOP = 1
_DELAY_SHIFT = 12  # a path's cost is its round trip in microseconds, and below that the number of its hops
_UNREACHED = 1 << 200


class Joint(NamedTuple):
    """An interface in the search for paths: its node, and the node at the other end of its circuit.

    Nodes and interfaces are numbers; interfaces ``2k`` and ``2k + 1`` are the ends of circuit ``k``.
    """

    interface: int
    node: int
    far_node: int
    rtt_us: int


class Hop(NamedTuple):
    """The next step towards a host: the interface that sends, and the interface whose address is the gateway."""

    interface: int
    gateway: int


HopTable: TypeAlias = Mapping[str, Sequence[Hop | None]]
"""The next hops of each host, by its id, towards each host; None towards itself, and towards hosts without a path."""


def _check_routes(count: int) -> None:
    if count > MAX_ROUTES:
        raise ValueError(f"the hosts need more than {MAX_ROUTES:,} routes")


class Paths:
    """Next hops towards one host after another. The nodes are numbered: first ``hosts`` hosts, then the switches.

    Raises:
        ValueError: the search passes `MAX_ROUTING_STEPS`.
    """

    def __init__(self, hosts: int, nodes: int, joints: Sequence[Joint]) -> None:
        self._hosts = hosts
        self.steps = 0
        self._count(hosts * nodes * _NODE_STEPS)
        # of parallel circuits, the fastest carries the traffic; of equally fast circuits, the first
        best: dict[tuple[int, int], Joint] = {}
        for joint in joints:
            key = joint.node, joint.far_node
            if joint.node == joint.far_node:
                continue
            if key not in best or joint.rtt_us < best[key].rtt_us:
                best[key] = joint
        self._from: list[list[tuple[int, int, int]]] = [[] for _ in range(nodes)]
        """The circuits of each node: the neighbour, the cost, and the node's own interface."""
        self._hops: dict[int, Hop] = {}
        for joint in best.values():
            cost = (joint.rtt_us << _DELAY_SHIFT) + _HOP
            self._from[joint.node].append((joint.far_node, cost, joint.interface))

    def _count(self, steps: int) -> None:
        self.steps += steps
        if self.steps > MAX_ROUTING_STEPS:
            raise ValueError(
                f"the search for routes between {self._hosts:,} hosts takes more than {MAX_ROUTING_STEPS:,} steps"
            )

    def towards(self, target: int) -> list[Hop | None]:
        """Return each host's next hop towards the target; None for the target itself and for hosts without a path."""
        # the search starts at the target: it finds the first hop of a path last
        hosts, edges = self._hosts, self._from
        cost_of = [_UNREACHED] * len(edges)
        through = [-1] * len(edges)  # of a host, its interface towards the target
        entry = [-1] * len(edges)  # of a host and a switch, the interface of the next host towards the target
        fixed = self._joined(target, cost_of, through, entry)
        # if all hosts are joined to the target, as in a full mesh, the search is over
        heap = [(cost_of[host], host) for host in fixed] if len(fixed) < hosts else []
        heapq.heapify(heap)
        steps = 0
        while heap:
            cost, node = heapq.heappop(heap)
            steps += _WAY_STEPS
            if cost > cost_of[node]:
                continue  # a better path was found since
            steps += len(edges[node])
            is_host = node < hosts
            for far, more, interface in edges[node]:
                total = cost + more
                if total < cost_of[far] and far not in fixed:
                    cost_of[far] = total
                    through[far] = interface ^ 1
                    # through switches, the gateway stays the interface of the host behind them
                    entry[far] = interface if is_host else entry[node]
                    heapq.heappush(heap, (total, far))
        self._count(steps)
        return [
            self._hop(through[host], entry[host]) if through[host] >= 0 and host != target else None
            for host in range(hosts)
        ]

    def _hop(self, interface: int, gateway: int) -> Hop:
        """Return the hop, the same object for equal hops, because there are far fewer hops than routes."""
        key = interface << 32 | gateway
        found = self._hops.get(key)
        if found is None:
            found = self._hops[key] = Hop(interface, gateway)
            _check_routes(len(self._hops))  # each next hop has at least one route
        return found

    def _joined(self, target: int, cost_of: list[int], through: list[int], entry: list[int]) -> frozenset[int]:
        """Find the hosts that are joined to the target; fill in the lists for them; return them and the target."""
        cost_of[target] = 0
        found = {target}
        heap = []
        for far, cost, interface in self._from[target]:
            if far < self._hosts:
                cost_of[far], through[far], entry[far] = cost, interface ^ 1, interface
                found.add(far)
            else:
                heap.append((cost, far, interface))
        direct = frozenset(found)
        heapq.heapify(heap)
        seen: set[int] = set()
        steps = len(self._from[target])
        while heap:
            cost, switch, gateway = heapq.heappop(heap)
            steps += _WAY_STEPS
            if switch in seen:
                continue
            seen.add(switch)
            steps += len(self._from[switch])
            for far, more, interface in self._from[switch]:
                if far >= self._hosts:
                    heapq.heappush(heap, (cost + more, far, gateway))
                elif far not in direct and cost + more < cost_of[far]:
                    cost_of[far], through[far], entry[far] = cost + more, interface ^ 1, gateway
                    found.add(far)
        self._count(steps)
        return frozenset(found)


def networks(first: int, last: int, width: int = 32) -> Iterator[tuple[int, int]]:
    """Yield the fewest networks that have exactly the addresses ``first`` to ``last``: start and prefix length.

    An address has ``width`` bits.
    """
    while first <= last:
        bits = (last - first + 1).bit_length() - 1
        if first:
            bits = min(bits, (first & -first).bit_length() - 1)
        yield first, width - bits
        first += 1 << bits


class Summary:
    """The destinations behind next hops, as networks; all hosts share the networks' texts.

    The destinations are ``addresses`` of one family, by their number.
    """

    def __init__(self, addresses: Sequence[IPv4Address | IPv6Address]) -> None:
        self.routes = 0
        self._width = addresses[0].max_prefixlen if addresses else 0
        self._family = type(addresses[0]) if addresses else IPv4Address
        self._blocks = _blocks([int(address) for address in addresses])
        self._texts: dict[tuple[int, int], str] = {}

    def of(self, hops: Sequence[Hop | None]) -> dict[Hop, list[str]]:
        """Return the destinations behind each next hop, where ``hops[i]`` leads to address number ``i``.

        Raises:
            ValueError: all hosts together have more than `MAX_ROUTES`.
        """
        found: dict[Hop, list[str]] = {}
        for position, numbers in self._blocks:
            start = position
            for hop, run in groupby([hops[number] for number in numbers]):
                count = sum(1 for _ in run)
                if hop is not None:
                    found.setdefault(hop, []).extend(
                        self._text(*it) for it in networks(start, start + count - 1, self._width)
                    )
                start += count
        self.routes += sum(map(len, found.values()))
        _check_routes(self.routes)
        return found

    def _text(self, start: int, length: int) -> str:
        if (start, length) not in self._texts:
            self._texts[start, length] = f"{self._family(start)}/{length}"
        return self._texts[start, length]


def _blocks(addresses: Sequence[int]) -> list[tuple[int, list[int]]]:
    """Return the runs of consecutive addresses: the first address, and the numbers of all."""
    found: list[tuple[int, list[int]]] = []
    for number in sorted(range(len(addresses)), key=addresses.__getitem__):
        if found and addresses[number] == found[-1][0] + len(found[-1][1]):
            found[-1][1].append(number)
        else:
            found.append((addresses[number], [number]))
    return found
