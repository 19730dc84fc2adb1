"""Testbed to plan: each host, switch and interface gets its name, number, address, impairment and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from emulator.netlink.qdiscs import Netem
from emulator.plan.cpu import CpuChoice, with_cpus
from emulator.plan.effects import balanced_seed, with_effects
from emulator.plan.model import Circuit, Controller, Host, Interface, Plan, Route, Switch, SwitchKind
from emulator.plan.routing import with_routing
from emulator.system.errors import EmulationError
from gtsdsl.circuits import Circuits
from gtsdsl.model.routing import STATIC, parse_routing
from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.model.units import LEAST_IPV6_MTU_BYTES
from gtsdsl.text import printable
from gtsdsl.topology.addresses import addresses, ipv6_addresses, ipv6_loopbacks, loopbacks
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.domains import has_loop
from gtsdsl.topology.impairments import Directions, Impairment, impairments
from gtsdsl.topology.model import Topology
from gtsdsl.topology.naming import interface_name, node_names, port_numbers
from gtsdsl.topology.routes import HopTable, host_routes, next_hops
from gtsdsl.topology.stated import Address, conflicts

OPENFLOW_PORT = 6653
"""The default TCP port of an OpenFlow controller (IANA)."""

_FIRST_INDEX = 2  # 1 is the loopback interface


class PlanError(EmulationError):
    """A testbed that cannot run as a network; the message says why."""

    exit_status = 1


@dataclass(frozen=True, slots=True)
class Options:
    """The user's choices for a plan.

    ``circuits`` are the user's own figures, which override the known ones. Without ``impaired``, circuits are as fast
    as the machine. ``seed`` decides jitter and loss. Without ``ipv6``, the network has IPv4 only. ``routing`` is such
    as ``ospf,hello=1`` (`parse_routing`); None is that of the testbed. ``cpu`` is the cost of packets; None is no cost.
    """

    circuits: Circuits | None = None
    impaired: bool = True
    switch: SwitchKind = "ovs"
    seed: int = 1
    ipv6: bool = True
    routing: str | None = None
    cpu: CpuChoice | None = None


def plan(testbed: Testbed, options: Options | None = None) -> Plan:
    """Return the plan of the network that a testbed describes; the same testbed and options give the same plan.

    Raises:
        PlanError: the testbed is incomplete or wrong, or too large for the address space.
    """
    options = options or Options()
    topology = Topology.of(testbed)
    _check_links(topology)
    if not topology.hosts:
        raise PlanError(f"testbed {printable(testbed.id)} has no host: there is nothing to run")
    numbers = port_numbers(topology)
    names = node_names(topology, numbers)
    try:
        for conflict in conflicts(topology):
            raise ValueError(conflict.message)
        given = addresses(topology)
        given_ipv6 = ipv6_addresses(topology) if options.ipv6 else {}
        effects = impairments(topology, options.circuits)
        obeyed = {node.id: _controllers(node) for node in topology.switches}
        ends = _ends(topology, names, numbers, given, given_ipv6, effects, options)
        routing = parse_routing(options.routing or testbed.attributes.get("routing", STATIC))
        hops = next_hops(topology, effects) if routing is None else {}
        hosts = _hosts(topology, names, hops, ends, options)
    except ValueError as error:
        raise PlanError(f"testbed {printable(testbed.id)} cannot be run: {error}") from None
    if options.ipv6:
        _check_ipv6_mtus(effects)
    loops = has_loop(topology)
    made = Plan(
        testbed=testbed.id,
        seed=options.seed,
        hosts=hosts,
        switches=tuple(
            Switch(
                node.id,
                names[node.id],
                node.cls,
                node.location,
                options.switch,
                f"{number:016x}",
                obeyed[node.id],
                spanning_tree=loops,
            )
            for number, node in enumerate(topology.switches, 1)
        ),
        circuits=tuple(
            Circuit(
                wire.link.id,
                ends[2 * index],
                ends[2 * index + 1],
                effects[wire.link.id][0].rtt_us * 1000 if options.impaired else 0,
                effects[wire.link.id][0].delay_source,
                effects[wire.link.id][0].mtu_bytes,
                effects[wire.link.id][0].is_black_hole,
            )
            for index, wire in enumerate(topology.wires)
        ),
    )
    if options.circuits is not None:
        made = with_effects(made, options.circuits)
    made = with_cpus(made, options.cpu)
    return made if routing is None else with_routing(made, routing)


def _check_ipv6_mtus(effects: Mapping[str, Directions]) -> None:
    for link, (effect, _) in effects.items():
        if effect.mtu_bytes < LEAST_IPV6_MTU_BYTES:
            raise PlanError(
                f"link `{printable(link)}` has an MTU of {effect.mtu_bytes} bytes, and IPv6 needs "
                f"{LEAST_IPV6_MTU_BYTES}: raise it, or use --ipv4-only"
            )


def _check_links(topology: Topology) -> None:
    for link in topology.loose_links:
        raise PlanError(f"link `{printable(link.id)}` does not join two ports: `gtsdsl check` says which end is wrong")
    ends: set[PortRef] = set()
    for wire in topology.wires:
        for end in wire.ends:
            if end in ends:
                raise PlanError(f"port `{printable(str(end))}` is on two links: an interface can be on one only")
            ends.add(end)


def _controllers(node: Resource) -> tuple[Controller, ...]:
    return tuple(Controller(str(item.address), item.port or OPENFLOW_PORT) for item in controllers(node))


def _ends(
    topology: Topology,
    names: Mapping[str, str],
    numbers: Mapping[PortRef, int],
    given: Mapping[PortRef, Address],
    given_ipv6: Mapping[PortRef, Address],
    effects: Mapping[str, Directions],
    options: Options,
) -> list[Interface]:
    """Return all interfaces: ``2k`` and ``2k + 1`` are the first and second end of wire ``k``."""
    next_index: dict[str, int] = {}
    found: list[Interface] = []
    for wire in topology.wires:
        for port, effect in zip(wire.ends, effects[wire.link.id], strict=True):
            node = topology.nodes[port.resource]
            namespace = "" if node.is_switch else node.id  # a host's id may be empty only where the rules let it be
            index = next_index.get(namespace, _FIRST_INDEX)
            next_index[namespace] = index + 1
            number = len(found)
            seed = seed_of(options.seed, number)
            if effect.added is not None:
                seed = balanced_seed(seed, effect.rtt_us * 1000, effect.added, len(topology.wires))
            found.append(
                Interface(
                    node=names[node.id],
                    port=port.port,
                    name=interface_name(names[node.id], numbers[port]),
                    number=numbers[port],
                    index=index,
                    # locally administered, and the same in each run, so that captures can be compared
                    mac=(0x02 << 40 | number + 1).to_bytes(6, "big").hex(":"),
                    address=str(given[port]) if port in given else None,
                    egress=egress_of(effect, seed) if options.impaired else None,
                    ipv6_address=str(given_ipv6[port]) if port in given_ipv6 else None,
                )
            )
    return found


def egress_of(effect: Impairment, seed: int) -> Netem:
    """Return netem's parameters at one end of a circuit; ``seed`` is the seed of this direction (`seed_of`)."""
    return Netem(
        delay_ns=effect.delay_ns,
        jitter_ns=effect.jitter.us * 1000,
        jitter_correlation_percent=effect.jitter.correlation_percent,
        jitter_shape=effect.jitter.shape,
        order=effect.order,
        added=effect.added,
        loss=effect.loss,
        corrupt=effect.corrupt,
        duplicate=effect.duplicate,
        reorder=effect.reorder,
        rate_bps=effect.rate_bps,
        queue_packets=effect.queue_packets,
        seed=seed,
        packet_bytes=effect.packet_bytes,
    )


def with_seed(plan: Plan, seed: int) -> Plan:
    """Return a plan with another seed, from which all seeds of its interfaces are made anew."""
    circuits = []
    number = len(plan.circuits)
    for index, circuit in enumerate(plan.circuits):
        first, second = (
            replace(end, egress=_reseeded(end.egress, circuit.rtt_ns, seed_of(seed, 2 * index + side), number))
            for side, end in enumerate(circuit.ends)
        )
        circuits.append(replace(circuit, first=first, second=second))
    return replace(plan, seed=seed, circuits=tuple(circuits))


def _reseeded(egress: Netem | None, rtt_ns: int, seed: int, circuits: int) -> Netem | None:
    if egress is None:
        return None
    return replace(egress, seed=seed if egress.added is None else balanced_seed(seed, rtt_ns, egress.added, circuits))


def seed_of(seed: int, number: int) -> int:
    """Return the seed of the random numbers of direction ``number``: 64 bits, never 0, which netem takes for "any".

    SplitMix64 (Steele et al. 2014) spreads the bits, because netem starts its generator with the seed as it is: small
    seeds would give small numbers first, and the first packets of each circuit would be lost.
    """
    mixed = (seed * 2**32 + number + 1) * 0x9E3779B97F4A7C15 % 2**64
    mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB % 2**64
    return mixed ^ mixed >> 31 or 1


def _hosts(
    topology: Topology,
    names: Mapping[str, str],
    hops: HopTable,
    ends: Sequence[Interface],
    options: Options,
) -> tuple[Host, ...]:
    own = loopbacks(topology)
    routes = _routes(hops, own, ends, [end.address for end in ends])
    own_ipv6 = ipv6_loopbacks(topology) if options.ipv6 else {}
    ipv6_routes = _routes(hops, own_ipv6, ends, [end.ipv6_address for end in ends]) if options.ipv6 else {}
    return tuple(
        Host(
            host.id,
            names[host.id],
            host.cls,
            host.location,
            str(own[host.id]),
            routes.get(host.id, ()),
            image_id=_text(host, "imageId", "image"),
            flavor_id=_text(host, "flavorId", "flavor"),
            ipv6_loopback=str(own_ipv6[host.id]) if options.ipv6 else None,
            ipv6_routes=ipv6_routes.get(host.id, ()),
        )
        for host in topology.hosts
    )


def _routes(
    hops: HopTable,
    own: Mapping[str, IPv4Address | IPv6Address],
    ends: Sequence[Interface],
    addresses: Sequence[str | None],
) -> dict[str, tuple[Route, ...]]:
    """Return the routes of each host, by its id, in the family of the hosts' ``own`` addresses."""
    gateways = [(address or "").partition("/")[0] for address in addresses]
    return {
        host: tuple(
            Route(gateways[hop.gateway], ends[hop.interface].name, tuple(destinations))
            for hop, destinations in found.items()
        )
        for host, found in host_routes(hops, own).items()
    }


def _text(host: Resource, *names: str) -> str | None:
    """Return the value of the first of these attributes that a host has; None if it has none."""
    found = (host.attributes.get(name) for name in names)
    return next((value for value in found if isinstance(value, str)), None)
