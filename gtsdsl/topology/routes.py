"""Testbed to each host's routes: the neighbour through which it reaches every other host.

Two rules. Hosts that are joined, by a circuit or by switches alone, send to each other straight over it, also where a
detour would be shorter: real circuits do not reroute. All others take the path of least delay over hosts that keep
to the first rule; of equal ones that with fewer hops, then that which comes first in the file.

Each host is reached by its own address. Those are numbered in the order of the file, in which neighbours mostly stand
together, so that neighbouring addresses with the same next hop become one network: a host in a ring of 400 has 16
routes, not 399. Where the order says nothing about the topology (a random graph), there is next to nothing to sum up,
and n hosts need up to n² routes; 1,000 hosts are then a million, which the kernel takes 3 s and 0.2 GB for.
`MAX_ROUTES` bounds them, and `MAX_ROUTING_STEPS` bounds the search. No network covers an address that nobody has, so
that a packet to nowhere is refused at once and never goes in circles.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address
from itertools import groupby
from typing import NamedTuple

from gtsdsl.topology.impairments import Impairment
from gtsdsl.topology.model import Topology

FORWARDING = {"net.ipv4.ip_forward": "1"}
"""Kernel parameters of a host that passes on what is for other hosts."""

MAX_ROUTING_STEPS = 40_000_000
"""Steps of the search for the routes of all hosts. A ring of 1,600 hosts takes 36,000,000."""
_NODE_STEPS = 4
"""What a node counts for in the search towards one host, because the search writes its next hop down."""
_WAY_STEPS = 8
"""What a way to a node counts for that the search looks into; each circuit that goes on from there is one step."""
MAX_ROUTES = 1_000_000
"""Routes of all hosts. A host's routes are as many as the networks in them."""

_FEW_HOSTS = 64


def time_to_live(hosts: int) -> dict[str, str]:
    """Return the kernel parameters that let a packet pass so many hosts.

    A ring of 400 hosts has paths of 200 hops, and a packet's usual time to live is 64.
    """
    return {"net.ipv4.ip_default_ttl": "255"} if hosts > _FEW_HOSTS else {}


def open_filters(*interfaces: str) -> dict[str, str]:
    """Return the kernel parameters that let a path go one way and return another.

    With a strict filter, the kernel drops a packet that comes in where the answer would not go out. The kernel takes
    the stricter of the values of ``all`` and of the interface. ``default`` is for interfaces to come.
    """
    return {f"net.ipv4.conf.{name}.rp_filter": "0" for name in ("all", "default", *interfaces)}


def host_routes(
    topology: Topology, effects: Mapping[str, Impairment], own: Mapping[str, IPv4Address]
) -> dict[str, dict[Hop, list[str]]]:
    """Return the networks that each host reaches through each of its next hops.

    ``effects`` are the topology's `impairments`. ``own`` are the `loopbacks` of its hosts, which are the destinations.
    Interfaces are numbered: ``2k`` and ``2k + 1`` are the first and second end of wire ``k``.

    Raises:
        ValueError: the routes are more than `MAX_ROUTES`, or the search passes `MAX_ROUTING_STEPS`.
    """
    hosts = list(own)
    number = {node: index for index, node in enumerate([*hosts, *(node for node in topology.nodes if node not in own)])}
    joints = []
    for index, wire in enumerate(topology.wires):
        if wire.first in topology.control_ports or wire.second in topology.control_ports:
            continue  # the way to a controller carries nothing else
        rtt_us = effects[wire.link.id].rtt_us
        first, second = (number[end.resource] for end in wire.ends)
        joints += [Joint(2 * index, first, second, rtt_us), Joint(2 * index + 1, second, first, rtt_us)]
    paths = Paths(len(hosts), len(number), joints)
    hops: list[list[Hop | None]] = [[] for _ in hosts]
    for target in range(len(hosts)):
        for column, hop in zip(hops, paths.towards(target), strict=True):
            column.append(hop)
    if not hosts:
        return {}
    summary = Summary(own[hosts[0]])
    return {host: summary.of(column) for host, column in zip(hosts, hops, strict=True)}


_HOP = 1
_DELAY_SHIFT = 12  # a path's cost is its round trip in microseconds, and below that the number of its hops
_UNREACHED = 1 << 200


class Joint(NamedTuple):
    """An interface as the search for paths sees it: its node, and the node and interface at the other end.

    Nodes and interfaces are numbers; interfaces ``2k`` and ``2k + 1`` are the ends of circuit ``k``.
    """

    interface: int
    node: int
    far_node: int
    rtt_us: int


class Hop(NamedTuple):
    """The next step towards a host: the interface to send from, and the one whose address is the gateway."""

    interface: int
    gateway: int


def _check_routes(count: int) -> None:
    if count > MAX_ROUTES:
        raise ValueError(f"the hosts need more than {MAX_ROUTES:,} routes")


class Paths:
    """Next hops towards one host after another, over the same nodes: first ``hosts`` hosts, then switches.

    Raises:
        ValueError: the search passes `MAX_ROUTING_STEPS`.
    """

    def __init__(self, hosts: int, nodes: int, joints: Sequence[Joint]) -> None:
        self._hosts = hosts
        self.steps = 0
        self._count(hosts * nodes * _NODE_STEPS)
        # of parallel circuits, the quickest carries the traffic; of equal ones, the first
        best: dict[tuple[int, int], Joint] = {}
        for joint in joints:
            key = joint.node, joint.far_node
            if joint.node == joint.far_node:
                continue
            if key not in best or joint.rtt_us < best[key].rtt_us:
                best[key] = joint
        self._from: list[list[tuple[int, int, int]]] = [[] for _ in range(nodes)]
        """Of each node: the neighbour, the cost of the way, and this node's interface."""
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
        """Each host's next step towards the target; None for the target itself, and where there is no path."""
        # it runs backwards, from the target on: the first hop of a path is the last to be found
        hosts, edges = self._hosts, self._from
        cost_of = [_UNREACHED] * len(edges)
        through = [-1] * len(edges)  # of a host, its interface towards the target
        entry = [-1] * len(edges)  # of a host and a switch, the interface of the next host towards the target
        fixed = self._joined(target, cost_of, through, entry)
        # where all are joined, as in a full mesh, nothing is left to find
        heap = [(cost_of[host], host) for host in fixed] if len(fixed) < hosts else []
        heapq.heapify(heap)
        steps = 0
        while heap:
            cost, node = heapq.heappop(heap)
            steps += _WAY_STEPS
            if cost > cost_of[node]:
                continue  # a better way was found since
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
        """Always the same value for the same step: there are far fewer than there are routes."""
        key = interface << 32 | gateway
        found = self._hops.get(key)
        if found is None:
            found = self._hops[key] = Hop(interface, gateway)
            _check_routes(len(self._hops))  # each next hop has at least one route
        return found

    def _joined(self, target: int, cost_of: list[int], through: list[int], entry: list[int]) -> frozenset[int]:
        """The target and the hosts that are joined to it; what is known of them is written into the lists."""
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


def networks(first: int, last: int) -> Iterator[tuple[int, int]]:
    """The fewest networks that hold the addresses from first to last and no other: start and prefix length."""
    while first <= last:
        bits = min((first & -first).bit_length() - 1 if first else 32, (last - first + 1).bit_length() - 1)
        yield first, 32 - bits
        first += 1 << bits


class Summary:
    """Next hops to routes' destinations; the same texts are shared by all hosts."""

    def __init__(self, first_address: IPv4Address) -> None:
        self.routes = 0
        self._first = int(first_address)
        self._texts: dict[tuple[int, int], str] = {}

    def of(self, hops: Sequence[Hop | None]) -> dict[Hop, list[str]]:
        """Return the destinations behind each next hop, where ``hops[i]`` leads to address number ``i``.

        Raises:
            ValueError: all hosts together have more than `MAX_ROUTES`.
        """
        found: dict[Hop, list[str]] = {}
        position = self._first
        for hop, run in groupby(hops):
            count = sum(1 for _ in run)
            if hop is not None:
                found.setdefault(hop, []).extend(self._text(*it) for it in networks(position, position + count - 1))
            position += count
        self.routes += sum(map(len, found.values()))
        _check_routes(self.routes)
        return found

    def _text(self, start: int, length: int) -> str:
        if (start, length) not in self._texts:
            self._texts[start, length] = f"{IPv4Address(start)}/{length}"
        return self._texts[start, length]
