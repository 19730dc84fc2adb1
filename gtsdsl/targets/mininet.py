"""Testbed to a Python script for Mininet: data at the top, and a program that does not depend on the testbed.

The data are Python literals from ``ascii``, so each id is a string of printable ASCII. No text of the input is in the
program. This module makes the texts that Mininet passes to a shell (names, addresses, numbers).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources import files

from gtsdsl.model.testbed import Resource, Testbed
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.targets.black_holes import black_hole_commands
from gtsdsl.targets.figures import plain
from gtsdsl.targets.remark import Remark, ids_of, routing_remarks
from gtsdsl.topology.addresses import addresses, ipv6_addresses, ipv6_loopbacks, loopbacks
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.domains import has_loop
from gtsdsl.topology.impairments import Impairment, impairments
from gtsdsl.topology.model import Topology
from gtsdsl.topology.naming import node_names, port_numbers
from gtsdsl.topology.routes import (
    FORWARDING,
    IPV6_FORWARDING,
    host_routes,
    ipv6_hop_limit,
    next_hops,
    time_to_live,
)
from gtsdsl.topology.stated import Address


def write(testbed: Testbed) -> str:
    """Return a script that runs a testbed in Mininet.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth, or a switch's address is wrong; or the testbed needs
            more routes or addresses than there are.
    """
    topology = Topology.of(testbed)
    ports = port_numbers(topology)
    names = node_names(topology, ports)
    address_of, ipv6_address_of = addresses(topology), ipv6_addresses(topology)
    effects = impairments(topology)
    loops = has_loop(topology)

    data = ["TESTBED = " + ascii(testbed.id), ""]
    hops = next_hops(topology, effects)
    ends_of = [end for wire in topology.wires for end in wire.ends]
    hosts = [f"{{{_kept(host, names)}" for host in topology.hosts]
    for suffix, family, own in (
        ("", address_of, loopbacks(topology)),
        ("_ipv6", ipv6_address_of, ipv6_loopbacks(topology)),
    ):
        for number, (host, found) in enumerate(host_routes(hops, own).items()):
            routes = [
                (str(family[ends_of[hop.gateway]].ip), ports[ends_of[hop.interface]], to) for hop, to in found.items()
            ]
            hosts[number] += f", 'address{suffix}': '{own[host]}', 'routes{suffix}': {routes}"
    count = len(hosts)
    parameters = [f"{name}={value}" for name, value in (FORWARDING | time_to_live(count)).items()]
    ipv6_parameters = [f"{name}={value}" for name, value in (IPV6_FORWARDING | ipv6_hop_limit(count)).items()]
    data += [f"PARAMETERS = {parameters}", f"PARAMETERS_IPV6 = {ipv6_parameters}", ""]
    data += _table("HOSTS", (f"{host}}}" for host in hosts))
    data += _table(
        "SWITCHES", (_switch(node, names, number, loops) for number, node in enumerate(topology.switches, 1))
    )
    links = []
    for wire in topology.wires:
        ends = ", ".join(
            f"({names[end.resource]!r}, {ports[end]}, "
            f"{_shown(address_of.get(end))}, {_shown(ipv6_address_of.get(end))})"
            for end in wire.ends
        )
        there, back = effects[wire.link.id]
        links.append(
            f"{{'id': {wire.link.id!a}, 'ends': ({ends}), 'there': {_way(there)}, 'back': {_way(back)}, "
            f"'sizes': {list(_sizes(there))}, 'source': {there.delay_source!r}}}"
        )
    data += _table("LINKS", links)
    program = files("gtsdsl.targets").joinpath("mininet_program.txt").read_text("utf-8")
    before, after = program.split("# DATA\n")
    return before + "\n".join(data) + after


def remarks(testbed: Testbed) -> Iterator[Remark]:
    """Yield the warnings about what Mininet does not do as the testbed says: links, and a routing protocol."""
    yield from routing_remarks(testbed)
    topology = Topology.of(testbed)
    effects = impairments(topology)
    if beyond := [wire.link for wire in topology.wires if any(map(_is_beyond, effects[wire.link.id]))]:
        yield Remark(
            "Mininet loses packets independently of each other, spreads jitter evenly, lets packets overtake, and has "
            f"no `corrupt`, `duplicate`, `reorder`, despite {ids_of(beyond)}",
            beyond[0].place,
            "`gtsdsl emulate` has them; a burst's mean loss is kept",
        )


def _is_beyond(effect: Impairment) -> bool:
    loss, jitter = effect.loss, effect.jitter
    shares = (effect.corrupt.percent, effect.duplicate.percent, effect.reorder.percent, loss.correlation_percent)
    is_even = jitter.shape == "uniform" and not jitter.correlation_percent and effect.order != "kept"
    return loss.bursts is not None or any(shares) or (jitter.us > 0 and not is_even)


def _sizes(effect: Impairment) -> Iterator[str]:
    """Yield the commands that set the MTU of an interface, ``{}``, or make a black hole of it."""
    if effect.mtu_bytes != MTU_BYTES:
        yield f"ip link set dev {{}} mtu {effect.mtu_bytes}"
    if effect.is_black_hole:
        yield from black_hole_commands("{}")


def _way(effect: Impairment) -> str:
    """Return what one direction of a link does to packets."""
    return (
        f"{{'delay_us': {effect.delay_us}, 'jitter_us': {effect.jitter.us}, "
        f"'loss_percent': {plain(effect.loss.percent)}, 'rate_mbit': {plain(effect.rate_bps / 10**6)}, "
        f"'queue_packets': {effect.queue_packets}}}"
    )


def _table(name: str, rows: Iterable[str]) -> list[str]:
    return [f"{name} = [", *(f"    {row}," for row in rows), "]", ""]


def _kept(node: Resource, names: dict[str, str]) -> str:
    return f"'name': {names[node.id]!r}, 'id': {node.id!a}, 'class': {node.cls!a}, 'site': {node.location!a}"


def _shown(address: Address | None) -> str:
    return "None" if address is None else f"'{address}'"


def _switch(node: Resource, names: dict[str, str], number: int, loops: bool) -> str:
    at = [(str(controller.address), controller.port) for controller in controllers(node)]
    # a learning switch needs a spanning tree if there are loops; otherwise the controller must deal with loops
    return f"{{{_kept(node, names)}, 'dpid': '{number:016x}', 'controllers': {at!r}, 'stp': {loops and not at}}}"
