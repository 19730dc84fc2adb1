"""Testbed to a containerlab topology file that deploys without preparation, delays included.

containerlab has no delays in its topology file; its users set them with ``containerlab tools netem set`` when the lab
is up, or with ``tc`` in a node's ``exec`` list. The file does the latter, and lists the former as comments.

Nothing of the input stands in the file but in names and labels, and there as letters, digits and ``._-/%``:
containerlab runs a topology file through Go's templates and through a substitution of environment variables before
it reads it as YAML, so ``{{`` and ``$`` would be live even inside quotes; and it hands labels to the container as
environment variables, which cannot hold a NUL. Plain JSON quoting is thus right for every scalar.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from urllib.parse import quote

from gtsdsl.model.testbed import PortRef, Resource, Testbed
from gtsdsl.targets.figures import plain
from gtsdsl.targets.remark import Remark, ids_of
from gtsdsl.topology.addresses import Address, addresses, loopbacks
from gtsdsl.topology.controllers import controllers
from gtsdsl.topology.impairments import Impairment, impairments
from gtsdsl.topology.model import Topology
from gtsdsl.topology.routes import FORWARDING, Hop, host_routes, open_filters, time_to_live
from gtsdsl.topology.safe_names import safe_names

IMAGE = "nicolaka/netshoot:latest"
"""A well-known image of network tools, ip, tc, ping and iperf3 among them. An ``imageId`` of GTS is no such image."""

# in an endpoint, `host:eth1` and its like speak of the machine that runs the lab, not of a node
_RESERVED = ("host", "mgmt-net", "macvlan", "dummy", "vxlan", "vxlan-stitch", "veth", "bridge", "ovs-bridge")
_NODE_NAME = r"[a-zA-Z0-9][a-zA-Z0-9._-]*"
_MAX_NODE_NAME = 60  # it is the container's host name, too, of at most 63


@dataclass(frozen=True, slots=True)
class _Interface:
    name: str
    effect: Impairment
    address: Address | None
    bridged: bool


def write(testbed: Testbed) -> str:
    """The topology file as YAML.

    Raises:
        ValueError: a link's delay, jitter, loss or bandwidth, or a controller's address is wrong.
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
    own = loopbacks(topology.hosts)
    routes = _routes(host_routes(topology, effects, own), topology, interfaces, own)
    of_node: dict[str, list[_Interface]] = {node: [] for node in topology.nodes}
    for port, interface in interfaces.items():
        of_node[port.resource].append(interface)

    lines = [*_preamble(lab_name, names, interfaces), f"name: {json.dumps(lab_name)}", "topology:"]
    lines += ["  kinds:", "    linux:", f"      image: {json.dumps(IMAGE)}"]
    lines.append("  nodes:" if topology.nodes else "  nodes: {}")
    know_names = _know_names({names[host]: address for host, address in own.items()})
    for node in topology.nodes.values():
        lines += [f"    {json.dumps(names[node.id])}:", "      kind: linux"]
        labels = _labels(node)
        if labels:
            lines.append("      labels:")
            lines += [f"        {key}: {json.dumps(quoted)}" for key, quoted in labels.items()]
        commands = list(_commands(node, of_node[node.id]))
        if node.id in own:
            commands = [*_host_commands(own[node.id], len(own), of_node[node.id]), *commands, *routes[node.id]]
        if commands:
            lines.append("      exec:")
            lines += [f"        - {json.dumps(command)}" for command in commands]
        if node.id in own:
            lines.append(f"        - {next(know_names)}")
    if topology.wires:
        lines.append("  links:")
    for wire in topology.wires:
        endpoints = [f"{names[end.resource]}:{interfaces[end].name}" for end in wire.ends]
        lines.append(f"    - endpoints: {json.dumps(endpoints)}")
    return "\n".join(lines) + "\n"


def remarks(testbed: Testbed) -> Iterator[Remark]:
    """Return the warnings about a testbed as a lab: its switches obey no controller, its packets keep their order."""
    topology = Topology.of(testbed)
    if obedient := [switch for switch in topology.switches if controllers(switch)]:
        yield Remark(
            f"a switch of the lab is a bridge that learns by itself: no controller is obeyed by {ids_of(obedient)}",
            obedient[0].place,
            "the head of the file says how to make it a switch with OpenFlow",
        )
    effects = impairments(topology)
    if spread := [wire.link for wire in topology.wires if effects[wire.link.id].jitter_us]:
        yield Remark(
            f"no packet overtakes another in the lab: netem keeps their order where it also has a rate, whatever the "
            f"`jitter` of {ids_of(spread)}",
            spread[0].place,
            "in `gtsdsl emulate`, packets overtake each other",
        )


def _interfaces(topology: Topology, effects: Mapping[str, Impairment]) -> dict[PortRef, _Interface]:
    """The interface of each wired port. eth0 is containerlab's own, for management."""
    given = addresses(topology)
    found: dict[PortRef, _Interface] = {}
    count: dict[str, int] = {}
    for wire in topology.wires:
        for end in wire.ends:
            count[end.resource] = count.get(end.resource, 0) + 1
            name = f"eth{count[end.resource]}"
            found[end] = _Interface(name, effects[wire.link.id], given.get(end), end in topology.bridged_ports)
    return found


def _routes(
    hops: Mapping[str, Mapping[Hop, Sequence[str]]],
    topology: Topology,
    interfaces: Mapping[PortRef, _Interface],
    own: Mapping[str, IPv4Address],
) -> dict[str, list[str]]:
    """The commands that give each host its routes."""
    ends = [interfaces[end] for wire in topology.wires for end in wire.ends]
    return {
        host: [
            f"ip route add {network} via {gateway.ip} dev {ends[hop.interface].name} src {own[host]}"
            for hop, networks in found.items()
            if (gateway := ends[hop.gateway].address) is not None
            for network in networks
        ]
        for host, found in hops.items()
    }


def _host_commands(address: IPv4Address, hosts: int, interfaces: Sequence[_Interface]) -> Iterator[str]:
    """The commands that have a host pass on what is for others, with an address that no link can take away."""
    parameters = FORWARDING | time_to_live(hosts) | open_filters(*(interface.name for interface in interfaces))
    yield f"sysctl -w {' '.join(f'{name}={value}' for name, value in parameters.items())}"
    yield f"ip address add {address}/32 dev lo"


def _know_names(hosts: Mapping[str, IPv4Address]) -> Iterator[str]:
    """The command that lets a host know all hosts by name: written out once, then as an alias of YAML."""
    lines = "".join(f"{address} {name}\\n" for name, address in hosts.items())
    command = f"sh -c 'printf \"{lines}\" >> /etc/hosts'"
    yield f"&names {json.dumps(command)}"
    while True:
        yield "*names"


def _labels(node: Resource) -> dict[str, str]:
    """What the file keeps of a resource, percent-encoded (as in a URL); containerlab takes no empty labels."""
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
        # with the spanning tree, so that a loop is no storm; two seconds a phase is the least that the kernel takes
        yield "ip link add br0 type bridge stp_state 1 forward_delay 200"
        yield "ip link set br0 up"
    for interface in interfaces:
        if interface.bridged:
            yield f"ip link set {interface.name} master br0"
        if interface.address is not None:
            yield f"ip address add {interface.address} dev {interface.name}"
        yield f"tc qdisc replace dev {interface.name} root netem {_netem(interface.effect)}"


def _netem(effect: Impairment) -> str:
    words = [f"delay {effect.delay_us}us"]
    if effect.jitter_us:
        words.append(f"{effect.jitter_us}us")
    if effect.loss_percent:
        words.append(f"loss {plain(effect.loss_percent)}%")
    return " ".join([*words, f"rate {effect.rate_bps}bit", f"limit {effect.queue_packets}"])


_ABOUT = """\
# A testbed of the GEANT Testbeds Service as a containerlab lab, written by gtsdsl.
#
#   sudo containerlab deploy -t THIS_FILE
#
# Image: every node runs the image under `kinds`, which has ip, tc, ping and iperf3. Change it there, or give a node
# its own `image:`; it must have ip and tc. The label gts-image-id names a disk of GTS, which no registry has.
# Labels are percent-encoded, as URLs are; gts-id is the resource's id in the testbed.
# Switches are Linux bridges with a spanning tree, each in a container of its own: they learn by themselves, and
# nothing has to be set up on the machine first. For OpenFlow make the node `kind: ovs-bridge` without `exec`, create
# that bridge with ovs-vsctl, and set the controllers that the label gts-controllers names.
# Addresses: each host has one of its own on `lo`, which its name stands for on all hosts (`docker exec -it
# clab-LAB-h1 ping h2`), and one on each link; the commands under `exec` give them, and the routes between all hosts.
# Delays: half of each circuit's round trip on the egress of both its ends, by the tc commands under `exec`."""


def _preamble(lab: str, names: dict[str, str], interfaces: dict[PortRef, _Interface]) -> Iterator[str]:
    yield _ABOUT
    sources = {interface.effect.delay_source for interface in interfaces.values()}
    if "estimated" in sources:
        yield "# Some are estimated from the distance, not measured: `gtsdsl circuits` says which."
    if "unknown" in sources:
        yield "# Some are 0, for a site is not known: put `delay` on those links."
    if interfaces:
        yield "# To change one while the lab runs (these set what is set already, but for the queue's length):"
        yield "#"
    for port, interface in interfaces.items():
        effect = interface.effect
        # containerlab refuses a jitter without a delay
        delay_us = max(effect.delay_us, 1) if effect.jitter_us else effect.delay_us
        words = [f"containerlab tools netem set -n clab-{lab}-{names[port.resource]} -i {interface.name}"]
        words.append(f"--delay {delay_us}us")
        if effect.jitter_us:
            words.append(f"--jitter {effect.jitter_us}us")
        if effect.loss_percent:
            words.append(f"--loss {plain(effect.loss_percent)}")
        yield f"#   {' '.join([*words, f'--rate {effect.rate_bps // 1000}'])}"
