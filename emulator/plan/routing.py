"""A plan with a routing protocol: the configuration of each host's BIRD, and the least costs between hosts.

OSPF (version 2 for IPv4, 3 for IPv6): all hosts are in area 0. The cost of a circuit is its one-way delay in units of
10 µs, for each direction by itself, so that packets take the path of least delay. BGP: each host has its own AS, and
announces its own addresses to the other end of each circuit. The path through the fewest hosts is best; of equally
short ones, that of least delay, which the metric (MED) of an announcement adds up. In both protocols, only the hosts'
own addresses get routes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface
from typing import TypeAlias

from emulator.plan.model import Host, Interface, Plan
from gtsdsl.model.routing import Routing

Segment: TypeAlias = tuple[Interface, ...]
"""The interfaces of hosts that reach each other without a host between them."""
Cost: TypeAlias = tuple[int, int]
"""The number of sessions of BGP on a path, and the sum of the costs; OSPF counts only the costs."""

COST_NS = 10_000
"""The one-way delay that costs 1."""
_MOST_COST = 65_535
"""The highest cost of an interface: it has 16 bits (RFC 2328, A.4.2)."""
FIRST_AS = 4_200_000_001
"""The AS of the first host. The range for private use ends at 4294967294 (RFC 6996)."""
_EVERYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_OSPF_VERSIONS = {4: 2, 6: 3}

_HEAD = """\
log stderr all;
timeformat protocol iso long us;
router id {address};

protocol device {{
}}
"""
# The kernel's routes are those that BIRD gets from other hosts; packets go out from the host's own address.
_KERNEL = """\
protocol kernel kernel{family} {{
  ipv{family} {{
    import none;
    export filter {{
      if source = RTS_DEVICE then reject;
      krt_prefsrc = {address};
      accept;
    }};
  }};
}}
"""


@dataclass(frozen=True, slots=True)
class _Family:
    """A family of addresses in a host: its number, the host's own address, and the bits of an address."""

    number: int
    address: str
    length: int

    @property
    def own_addresses(self) -> str:
        """The set of the own addresses of all hosts, as a filter of BIRD has it: subnets of circuits are wider."""
        return f"[{_EVERYWHERE[self.number]}{{{self.length},{self.length}}}]"


def _families(host: Host) -> list[_Family]:
    found = [_Family(4, host.loopback, 32)]
    if host.ipv6_loopback is not None:
        found.append(_Family(6, host.ipv6_loopback, 128))
    return found


def with_routing(plan: Plan, routing: Routing) -> Plan:
    """Return a plan in which the hosts find their routes by a protocol."""
    parts = segments(plan)
    write = _ospf if routing.protocol == "ospf" else _bgp
    asns = {host.name: FIRST_AS + number for number, host in enumerate(plan.hosts)}
    own: dict[str, list[Segment]] = {host.name: [] for host in plan.hosts}
    for segment in parts:
        for name in {end.node for end in segment}:
            own[name].append(segment)
    hosts = [
        replace(host, bird="\n".join([*_common(host, routing), *write(host, own[host.name], routing, asns), ""]))
        for host in plan.hosts
    ]
    return replace(plan, routing=routing, hosts=tuple(hosts))


def segments(plan: Plan) -> list[Segment]:
    """Return the segments of a plan: circuits between two hosts, and what switches join.

    A circuit from a switch to its controller is no segment, because only the switch's own packets pass it.
    """
    found: dict[object, list[Interface]] = {}
    for end in plan.ends:
        if end.address is not None:
            found.setdefault(IPv4Interface(end.address).network, []).append(end)
    hosts = {host.name for host in plan.hosts}
    return [
        tuple(ends)
        for ends in found.values()
        if all(end.node in hosts for end in ends) and len({end.node for end in ends}) > 1
    ]


def cost_of(end: Interface) -> int:
    """Return the cost of an interface: the delay of the packets that leave it in units of 10 µs, at least 1."""
    return 1 if end.egress is None else max(1, min(_MOST_COST, round(end.egress.delay_ns / COST_NS)))


@dataclass(frozen=True, slots=True)
class LeastCosts:
    """The least costs between the hosts of a plan with a routing protocol, as its routes have them in the end."""

    of: Mapping[str, Mapping[str, Cost]]
    """The costs by a host's name and the address of a host that it can reach."""

    @classmethod
    def in_plan(cls, plan: Plan) -> LeastCosts:
        """Return the least costs between all hosts of a plan."""
        addresses_of = {host.name: [it.address for it in _families(host)] for host in plan.hosts}
        ways: dict[str, list[tuple[str, Cost]]] = {host.name: [] for host in plan.hosts}
        hop = 1 if plan.routing is not None and plan.routing.protocol == "bgp" else 0
        for segment in segments(plan):
            for end in segment:
                ways[end.node] += [(far.node, (hop, cost_of(end))) for far in segment if far.node != end.node]
        return cls(
            {
                name: {address: cost for far, cost in _reached(name, ways).items() for address in addresses_of[far]}
                for name in ways
            }
        )


def _reached(start: str, ways: Mapping[str, Sequence[tuple[str, Cost]]]) -> dict[str, Cost]:
    """Return the least costs from a host to the others, by their names (Dijkstra, 1959)."""
    found: dict[str, Cost] = {}
    heap: list[tuple[Cost, str]] = [((0, 0), start)]
    while heap:
        (hops, cost), name = heapq.heappop(heap)
        if name in found:
            continue
        found[name] = hops, cost
        for far, (hop, more) in ways[name]:
            if far not in found:
                heapq.heappush(heap, ((hops + hop, cost + more), far))
    del found[start]
    return found


def _common(host: Host, routing: Routing) -> Iterator[str]:
    yield _HEAD.format(address=host.loopback)
    for family in _families(host):
        yield _KERNEL.format(family=family.number, address=family.address)
    if routing.bfd_us is not None:
        yield f'protocol bfd {{\n  interface "*" {{ interval {routing.bfd_us} us; }};\n}}\n'


def _ospf(host: Host, own: Sequence[Segment], routing: Routing, _asns: Mapping[str, int]) -> Iterator[str]:
    for family in _families(host):
        yield f"protocol ospf v{_OSPF_VERSIONS[family.number]} ospf{family.number} {{"
        yield f"  tick {routing.tick_s};"
        yield "  ecmp no;"
        yield f"  ipv{family.number} {{ import where net ~ {family.own_addresses}; export none; }};"
        yield "  area 0 {"
        yield f"    stubnet {family.address}/{family.length} {{ cost 0; }};"
        for segment in own:
            kind = "ptp" if len(segment) == 2 else "bcast"
            for end in (end for end in segment if end.node == host.name):
                words = f"type {kind}; cost {cost_of(end)}; hello {routing.hello_s}; dead {routing.dead_s};"
                yield f'    interface "{end.name}" {{ {words}{" bfd yes;" if routing.bfd_us is not None else ""} }};'
        yield "  };"
        yield "}\n"


def _bgp(host: Host, own: Sequence[Segment], routing: Routing, asns: Mapping[str, int]) -> Iterator[str]:
    families = _families(host)
    for family in families:
        yield f'protocol direct own{family.number} {{\n  interface "lo";\n  ipv{family.number};\n}}\n'
    yield "template bgp neighbour {"
    yield f"  hold time {routing.hold_s};"
    yield f"  keepalive time {routing.keepalive_s};"
    yield f"  connect retry time {routing.connect_retry_s};"
    yield "  med metric;"
    if routing.bfd_us is not None:
        yield "  bfd;"
    yield "}"
    number = 0
    for segment in own:
        for end in (end for end in segment if end.node == host.name):
            for far in (far for far in segment if far.node != host.name):
                number += 1
                yield f"\nprotocol bgp bgp{number} from neighbour {{"
                yield f"  local {_ip(end.address)} as {asns[host.name]};"
                yield f"  neighbor {_ip(far.address)} as {asns[far.node]};"
                yield f'  interface "{end.name}";'
                for family in families:
                    yield from _channel(family, end)
                yield "}"


def _channel(family: _Family, end: Interface) -> Iterator[str]:
    """Yield the part of a session of BGP for a family of addresses; the session itself is over IPv4."""
    cost = cost_of(end)
    yield f"  ipv{family.number} {{"
    if family.number == 6:
        yield f"    next hop address {_ip(end.ipv6_address)};"
    yield "    import filter {"
    yield f"      if defined(bgp_med) then bgp_med = bgp_med + {cost}; else bgp_med = {cost};"
    yield "      accept;"
    yield "    };"
    # BIRD hands a metric on to another AS only if the filter of the export sets it
    yield "    export filter {"
    yield f"      if net !~ {family.own_addresses} then reject;"
    yield "      if defined(bgp_med) then bgp_med = bgp_med;"
    yield "      accept;"
    yield "    };"
    yield "  };"


def _ip(address: str | None) -> str:
    return (address or "").partition("/")[0]
