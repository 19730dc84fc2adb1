"""The configuration of BIRD as confd writes it, and the routes in BIRD's answers.

The configuration follows Calico's templates (`node/filesystem/etc/calico/confd/templates`) in the words of BIRD 2;
Calico ships a version of BIRD 1.6 of its own. Timers are Calico's. Calico runs a second BIRD for IPv6, and BIRD 2 does
both. The names of filters and functions of IPv6 end with a 6.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from emulator.overlays.calico.resources import AS_NUMBER, Node
from emulator.overlays.model import Network

_ROUTE = re.compile(r"(\S+/\d+)\s+\S+ \[(\S+) ")
_NEXT_HOP = re.compile(r"\tBGP\.next_hop: (\S+)")


@dataclass(frozen=True, slots=True)
class BgpPeer:
    """A session of BGP as a host has it with another.

    ``is_client`` makes the other a client of this host, which is a route reflector. ``is_passive`` leaves it to the
    other to connect.
    """

    name: str
    address: str
    is_client: bool = False
    is_passive: bool = False


def peers_of(own: Node, nodes: Sequence[Node], *, is_mesh: bool) -> tuple[BgpPeer, ...]:
    """Return the sessions of a host: with all hosts in a mesh, else those between reflectors and all hosts.

    All nodes are as one family of addresses reaches them.
    """
    others = [node for node in nodes if node.name != own.name]
    if is_mesh:
        # one of two hosts connects: the one whose address comes later as text
        return tuple(BgpPeer(_name("Mesh", it), it.address, is_passive=it.address > own.address) for it in others)
    return tuple(
        BgpPeer(
            _name("Node", node),
            node.address,
            is_client=own.cluster_id is not None and node.cluster_id != own.cluster_id,
        )
        for node in others
        if own.cluster_id is not None or node.cluster_id is not None
    )


def _name(prefix: str, node: Node) -> str:
    return f"{prefix}_{re.sub('[.:]', '_', node.address)}"


@dataclass(frozen=True, slots=True)
class Family:
    """The part of a host's BIRD configuration for one family of addresses.

    ``own`` is the host as the family reaches it, ``blocks`` are the host's own, and ``pool`` is the network of all
    containers.
    """

    own: Node
    peers: Sequence[BgpPeer]
    blocks: Sequence[Network]
    pool: Network

    @property
    def channel(self) -> str:
        """BIRD's word for the family."""
        return f"ipv{self.pool.version}"

    @property
    def suffix(self) -> str:
        """The ending of names in the configuration: ``6`` for IPv6."""
        return "6" if self.pool.version == 6 else ""


def configuration(families: Sequence[Family], *, is_tunnelled: bool) -> str:
    """Return BIRD's configuration for a host, of IPv4, and of IPv6 if the host has it.

    With ``is_tunnelled``, Felix writes the routes to the pool's blocks, and BIRD writes no such routes.
    """
    lines = ["log stderr all;", f"router id {families[0].own.address};"]
    for family in families:
        lines += ["", *_aggregation(family), *_filters(family, is_tunnelled), *_kernel(family)]
    lines += _DEVICE
    for family in families:
        lines += _template(family)
        for peer in family.peers:
            lines += ["", *_session(family, peer)]
    return "\n".join([*lines, ""])


def _aggregation(family: Family) -> Iterator[str]:
    blocks = family.blocks
    if blocks:
        yield "protocol static {"
        yield f"  {family.channel};"
        yield from (f"  route {block} blackhole;" for block in blocks)
        yield "}"
        yield ""
    yield "# Export the blocks of this host, and nothing beneath them."
    yield f"function calico_aggr{family.suffix}() {{"
    for block in blocks:
        yield f"  if (net = {block}) then {{ accept; }}"
        yield f"  if (net ~ {block}) then {{ reject; }}"
    yield "}"


def _filters(family: Family, is_tunnelled: bool) -> Iterator[str]:
    pool, suffix = family.pool, family.suffix
    yield ""
    yield f"filter calico_export_to_bgp_peers{suffix} {{"
    # the agent's own routes to other hosts' blocks are no news to anybody
    yield '  if (ifname = "tunl0") then { reject; }'
    yield f"  calico_aggr{suffix}();"
    yield f"  if (net ~ {pool}) then {{ accept; }}"
    yield "  reject;"
    yield "}"
    yield ""
    yield f"filter calico_kernel_programming{suffix} {{"
    yield "  if (source = RTS_DEVICE) then { reject; }  # the kernel has them"
    if is_tunnelled:
        yield f"  if (net ~ {pool}) then {{ reject; }}  # Felix writes these routes"
    yield "  accept;"
    yield "}"


def _kernel(family: Family) -> list[str]:
    return f"""
protocol kernel {{
  learn;             # all alien routes
  persist;           # keep the routes when BIRD ends
  scan time 2;
  graceful restart;
  merge paths on;
  {family.channel} {{
    import all;
    export filter calico_kernel_programming{family.suffix};
  }};
}}

protocol direct {{
  {family.channel};
  interface -"cali*", -"kube-ipvs*", "*";
}}""".splitlines()


_DEVICE = """
protocol device {
  scan time 2;
}""".splitlines()


def _template(family: Family) -> list[str]:
    return f"""
template bgp bgp_template{family.suffix} {{
  description "Connection to BGP peer";
  multihop;
  {family.channel} {{
    gateway recursive;
    add paths on;
    import all;
    export filter calico_export_to_bgp_peers{family.suffix};
  }};
  graceful restart;
  connect delay time 2;
  connect retry time 5;
  error wait time 5,30;
  local {family.own.address} as {AS_NUMBER};
}}""".splitlines()


def _session(family: Family, peer: BgpPeer) -> Iterator[str]:
    yield f"protocol bgp {peer.name} from bgp_template{family.suffix} {{"
    yield f"  neighbor {peer.address} as {AS_NUMBER};"
    if peer.is_passive:
        yield "  passive on;"
    if peer.is_client:
        yield "  rr client;"
        yield f"  rr cluster id {family.own.cluster_id};"
    yield "}"


def next_hops(lines: Sequence[str]) -> dict[Network, str]:
    """Return the networks and their hosts' addresses from the answer to ``show route all where source = RTS_BGP``."""
    hops: dict[Network, str] = {}
    current: Network | None = None
    for line in lines:
        if match := _ROUTE.match(line):
            current = ip_network(match[1])
        elif (match := _NEXT_HOP.match(line)) and current is not None:
            hops.setdefault(current, match[1])
    return hops
