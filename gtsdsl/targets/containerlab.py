"""Testbed to a containerlab topology file that deploys without preparation, with delays.

containerlab has no delays in its topology file. Its users set them with ``containerlab tools netem set`` in a running
lab, or with ``tc`` in a node's ``exec`` list. The file uses ``exec``, and lists the other commands as comments.

Texts of the input are only in names and labels, and consist of letters, digits and ``._-/%``. The reason is that
containerlab applies Go's templates and a substitution of environment variables before it reads the file as YAML, so
``{{`` and ``$`` would have an effect even inside quotes. It also passes labels to the container as environment
variables, which cannot hold a NUL. So JSON's quoting is right for each scalar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote

from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.targets.black_holes import black_hole_commands
from gtsdsl.targets.figures import plain
from gtsdsl.targets.remark import Remark, ids_of, routing_remarks
from gtsdsl.topology.addresses import addresses, ipv6_addresses, ipv6_loopbacks, loopbacks
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.impairments import Directions, Impairment, impairments
from gtsdsl.topology.model import Topology
from gtsdsl.topology.routes import (
    FORWARDING,
    IPV6_FORWARDING,
    HopTable,
    host_routes,
    ipv6_hop_limit,
    next_hops,
    open_filters,
    time_to_live,
)
from gtsdsl.topology.safe_names import safe_names
from gtsdsl.topology.stated import Address

IMAGE = "nicolaka/netshoot:latest"
"""A well-known image with ip, tc, ping and iperf3. An ``imageId`` of GTS names a disk, not a container image."""

# in an endpoint, these names refer to the machine that runs the lab, as in `host:eth1`, not to a node
_RESERVED = ("host", "mgmt-net", "macvlan", "dummy", "vxlan", "vxlan-stitch", "veth", "bridge", "ovs-bridge")
_NODE_NAME = r"[a-zA-Z0-9][a-zA-Z0-9._-]*"
_MAX_NODE_NAME = 60  # it is also the container's host name, which has at most 63 characters


@dataclass(frozen=True, slots=True)
class _Interface:
    name: str
    effect: Impairment
    addresses: tuple[Address, ...]
    """The IPv4 and the IPv6 address; empty for a port between which and others a switch forwards frames."""
    bridged: bool


def write(testbed: Testbed) -> str:
    """Return the topology file as YAML.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth, or a controller's address is wrong; or the testbed needs
            more routes or addresses than there are.
    """
    topology = Topology.of(testbed)
    effects = impairments(topology)
    names = safe_names(
        topology.nodes,
        pattern=_NODE_NAME,
        limit=_MAX_NODE_NAME,
        reserved=_RESERVED,
        filler="-",
        stem="node",
        fold_case=True,
    )
    lab = safe_names([testbed.id or testbed.type], pattern=_NODE_NAME, limit=40, filler="-", stem="lab")
    lab_name = next(iter(lab.values()))
    interfaces = _interfaces(topology, effects)
    hops = next_hops(topology, effects)
    families: tuple[Mapping[str, IPv4Address | IPv6Address], ...] = (loopbacks(topology), ipv6_loopbacks(topology))
    own = {host.id: [family[host.id] for family in families] for host in topology.hosts}
    routes = [_routes(hops, topology, interfaces, family, index) for index, family in enumerate(families)]
    of_node: dict[str, list[_Interface]] = {node: [] for node in topology.nodes}
    for port, interface in interfaces.items():
        of_node[port.resource].append(interface)

    lines = [*_preamble(lab_name, names, interfaces), f"name: {json.dumps(lab_name)}", "topology:"]
    lines += ["  kinds:", "    linux:", f"      image: {json.dumps(IMAGE)}"]
    lines.append("  nodes:" if topology.nodes else "  nodes: {}")
    hosts_commands = _hosts_commands(
        [(names[host], address) for family in families for host, address in family.items()]
    )
    for node in topology.nodes.values():
        lines += [f"    {json.dumps(names[node.id])}:", "      kind: linux"]
        labels = _labels(node)
        if labels:
            lines.append("      labels:")
            lines += [f"        {key}: {json.dumps(quoted)}" for key, quoted in labels.items()]
        commands = list(_commands(node, of_node[node.id]))
        if node.id in own:
            commands = [*_host_commands(own[node.id], len(own), of_node[node.id]), *commands]
            commands += [command for family in routes for command in family[node.id]]
        if commands:
            lines.append("      exec:")
            lines += [f"        - {json.dumps(command)}" for command in commands]
        if node.id in own:
            lines.append(f"        - {next(hosts_commands)}")
    if topology.wires:
        lines.append("  links:")
    for wire in topology.wires:
        endpoints = [f"{names[end.resource]}:{interfaces[end].name}" for end in wire.ends]
        lines.append(f"    - endpoints: {json.dumps(endpoints)}")
        lines.append(f"      mtu: {effects[wire.link.id][0].mtu_bytes}")
    return "\n".join(lines) + "\n"


def remarks(testbed: Testbed) -> Iterator[Remark]:
    """Yield the warnings about a testbed as a lab: switches obey no controllers, and packets keep their order."""
    yield from routing_remarks(testbed)
    topology = Topology.of(testbed)
    if controlled := [switch for switch in topology.switches if controllers(switch)]:
        yield Remark(
            f"a switch of the lab is a bridge that learns by itself: no controller is obeyed by {ids_of(controlled)}",
            controlled[0].place,
            "the head of the file says how to make it a switch with OpenFlow",
        )
    effects = impairments(topology)
    if spread := [
        wire.link
        for wire in topology.wires
        if any(way.jitter.us and way.order != "kept" for way in effects[wire.link.id])
    ]:
        yield Remark(
            f"no packet overtakes another in the lab, despite the `jitter` of {ids_of(spread)}: netem keeps the order "
            "of packets if it has a rate",
            spread[0].place,
            'in `gtsdsl emulate`, packets overtake each other; `order = "kept"` keeps their order there too',
        )


def _interfaces(topology: Topology, effects: Mapping[str, Directions]) -> dict[PortRef, _Interface]:
    """Return the interface of each wired port, from eth1, because containerlab uses eth0 for management."""
    families = (addresses(topology), ipv6_addresses(topology))
    found: dict[PortRef, _Interface] = {}
    count: dict[str, int] = {}
    for wire in topology.wires:
        for end, effect in zip(wire.ends, effects[wire.link.id], strict=True):
            count[end.resource] = count.get(end.resource, 0) + 1
            name = f"eth{count[end.resource]}"
            found[end] = _Interface(
                name, effect, tuple(family[end] for family in families if end in family), end in topology.bridged_ports
            )
    return found


def _routes(
    hops: HopTable,
    topology: Topology,
    interfaces: Mapping[PortRef, _Interface],
    loopback_of: Mapping[str, IPv4Address | IPv6Address],
    family: int,
) -> dict[str, list[str]]:
    """Return the commands that add each host's routes, by the host's id; ``family`` counts an interface's addresses."""
    word = ("ip", "ip -6")[family]
    ends = [interfaces[end] for wire in topology.wires for end in wire.ends]
    return {
        host: [
            f"{word} route add {network} via {ends[hop.gateway].addresses[family].ip} dev {ends[hop.interface].name} "
            f"src {loopback_of[host]}"
            for hop, networks in found.items()
            for network in networks
        ]
        for host, found in host_routes(hops, loopback_of).items()
    }


def _host_commands(
    own: Sequence[IPv4Address | IPv6Address], hosts: int, interfaces: Sequence[_Interface]
) -> Iterator[str]:
    """Yield the commands that let a host forward packets, and add its own addresses, which no link can take away."""
    names = [interface.name for interface in interfaces]
    parameters = FORWARDING | time_to_live(hosts) | open_filters(*names) | IPV6_FORWARDING
    parameters |= ipv6_hop_limit(hosts, *names)
    yield f"sysctl -w {' '.join(f'{name}={value}' for name, value in parameters.items())}"
    for address in own:
        yield f"ip address add {address}/{address.max_prefixlen} dev lo{_no_questions(address)}"


def _hosts_commands(hosts: Sequence[tuple[str, IPv4Address | IPv6Address]]) -> Iterator[str]:
    """Yield, for each host, the command that adds the names of all hosts; the first in full, then as a YAML alias."""
    lines = "".join(f"{address} {name}\\n" for name, address in hosts)
    command = f"sh -c 'printf \"{lines}\" >> /etc/hosts'"
    yield f"&names {json.dumps(command)}"
    while True:
        yield "*names"


def _labels(node: Resource) -> dict[str, str]:
    """Return the labels of a resource, percent-encoded as in a URL; containerlab refuses empty labels."""
    texts = {
        "gts-id": node.id,
        "gts-class": node.cls,
        "gts-location": node.location,
        "gts-image-id": node.attributes.get("imageId", node.attributes.get("image")),
        "gts-flavor-id": node.attributes.get("flavorId"),
        "gts-controllers": " ".join(
            str(at.address) if at.port is None else f"{at.address}:{at.port}"
            for at in (controllers(node) if node.is_switch else ())
        ),
    }
    return {
        key: quote(text, safe="/ :", errors="surrogatepass")
        for key, text in texts.items()
        if isinstance(text, str) and text
    }


def _commands(node: Resource, interfaces: list[_Interface]) -> Iterator[str]:
    if node.is_switch:
        # with the spanning tree, because a loop would cause a storm; the kernel's least delay is two seconds a phase
        yield "ip link add br0 type bridge stp_state 1 forward_delay 200"
        yield "ip link set br0 up"
    for interface in interfaces:
        if interface.bridged:
            yield f"ip link set {interface.name} master br0"
        for address in interface.addresses:
            yield f"ip address add {address} dev {interface.name}{_no_questions(address.ip)}"
        yield f"tc qdisc replace dev {interface.name} root netem {_netem(interface.effect)}"
        if interface.effect.is_black_hole:
            yield from black_hole_commands(interface.name)


def _no_questions(address: IPv4Address | IPv6Address) -> str:
    """Return the word by which no node is asked whether it has an IPv6 address, so that routes may name it at once."""
    return " nodad" if address.version == 6 else ""


def _netem(effect: Impairment) -> str:
    words = [f"delay {effect.delay_us}us"]
    jitter = effect.jitter
    if jitter.us:
        words.append(f"{jitter.us}us")
        words += [f"{plain(jitter.correlation_percent)}%"] if jitter.correlation_percent else []
        words += [f"distribution {jitter.shape}"] if jitter.shape != "uniform" else []
    words += _shares(effect)
    return " ".join([*words, f"rate {effect.rate_bps}bit", f"limit {effect.queue_packets}"])


def _shares(effect: Impairment) -> Iterator[str]:
    """Yield tc's words for losses, wrong bits, duplicates and packets that overtake."""
    loss, bursts = effect.loss, effect.loss.bursts
    if bursts is not None:
        numbers = (bursts.to_bad_percent, bursts.to_good_percent, bursts.bad_percent, bursts.good_percent)
        yield "loss gemodel " + " ".join(f"{plain(number)}%" for number in numbers)
    else:
        yield from _share("loss", loss.percent, loss.correlation_percent)
    for word, share in (("corrupt", effect.corrupt), ("duplicate", effect.duplicate), ("reorder", effect.reorder)):
        yield from _share(word, share.percent, share.correlation_percent)
    if effect.reorder.percent and effect.reorder.gap > 1:
        yield f"gap {effect.reorder.gap}"


def _share(word: str, percent: float, correlation_percent: float) -> Iterator[str]:
    if percent:
        yield f"{word} {plain(percent)}%" + (f" {plain(correlation_percent)}%" if correlation_percent else "")


_ABOUT = """\
# A testbed of the GEANT Testbeds Service as a containerlab lab, written by gtsdsl.
#
#   sudo containerlab deploy -t THIS_FILE
#
# Image: each node runs the image under `kinds`, which has ip, tc, ping and iperf3. You can change it there, or give a
# node its own `image:`; it must have ip and tc. The label gts-image-id names a disk of GTS, not a container image.
# Labels are percent-encoded, as URLs are; gts-id is the resource's id in the testbed.
# Switches are learning Linux bridges with a spanning tree, each in its own container, so you need not set up anything
# first. For OpenFlow, make the node `kind: ovs-bridge` without `exec`, create that bridge with ovs-vsctl, and set the
# controllers that the label gts-controllers names.
# Addresses: each host has an IPv4 and an IPv6 address on `lo`, to which all hosts resolve its name (`docker exec -it
# clab-LAB-h1 ping h2`, `ping -6 h2`), and both on each link. The commands under `exec` add them, and the routes between
# all hosts.
# Delays: the tc commands under `exec` set the one-way delay of each direction at the egress of its end: half of the
# circuit's round-trip time, unless the topology states both directions.
# MTU: each link has that of the circuit, 1500 if the topology states none; containerlab's own default is larger."""


def _preamble(lab: str, names: dict[str, str], interfaces: dict[PortRef, _Interface]) -> Iterator[str]:
    yield _ABOUT
    sources = {interface.effect.delay_source for interface in interfaces.values()}
    if "estimated" in sources:
        yield "# Some delays are estimated from the distance, not measured: `gtsdsl circuits` says which."
    if "unknown" in sources:
        yield "# Some delays are 0, because a site is unknown: state the `delay` of those links."
    if interfaces:
        yield "# To change a delay while the lab runs, adapt one of these commands. They do not set the queue's length."
        yield "#"
    for port, interface in interfaces.items():
        effect = interface.effect
        # containerlab refuses a jitter without a delay
        delay_us = max(effect.delay_us, 1) if effect.jitter.us else effect.delay_us
        words = [f"containerlab tools netem set -n clab-{lab}-{names[port.resource]} -i {interface.name}"]
        words.append(f"--delay {delay_us}us")
        if effect.jitter.us:
            words.append(f"--jitter {effect.jitter.us}us")
        if effect.loss.percent:
            words.append(f"--loss {plain(effect.loss.percent)}")
        yield f"#   {' '.join([*words, f'--rate {effect.rate_bps // 1000}'])}"
