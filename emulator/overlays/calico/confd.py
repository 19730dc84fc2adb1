"""The configuration of BIRD as confd writes it, and the routes in BIRD's answers.

The configuration follows Calico's templates (`node/filesystem/etc/calico/confd/templates`) in the words of BIRD 2;
Calico ships a version of BIRD 1.6 of its own. Timers are Calico's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

from emulator.overlays.calico.resources import AS_NUMBER, Node

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
    """Return the sessions of a host: with all hosts in a mesh, else those between reflectors and all hosts."""
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
    return f"{prefix}_{node.address.replace('.', '_')}"


def configuration(
    own: Node, peers: Sequence[BgpPeer], blocks: Sequence[IPv4Network], pool: IPv4Network, *, is_tunnelled: bool
) -> str:
    """Return BIRD's configuration for a host; ``blocks`` are its own.

    With ``is_tunnelled``, Felix writes the routes to the pool's blocks, and BIRD writes no such routes.
    """
    lines = ["log stderr all;", f"router id {own.address};", ""]
    lines += [*_aggregation(blocks), *_filters(pool, is_tunnelled), *_PROTOCOLS]
    lines += [f"  local {own.address} as {AS_NUMBER};", "}"]
    for peer in peers:
        lines += ["", *_session(own, peer)]
    return "\n".join([*lines, ""])


def _aggregation(blocks: Sequence[IPv4Network]) -> Iterator[str]:
    if blocks:
        yield "protocol static {"
        yield "  ipv4;"
        yield from (f"  route {block} blackhole;" for block in blocks)
        yield "}"
        yield ""
    yield "# Export the blocks of this host, and nothing beneath them."
    yield "function calico_aggr() {"
    for block in blocks:
        yield f"  if (net = {block}) then {{ accept; }}"
        yield f"  if (net ~ {block}) then {{ reject; }}"
    yield "}"


def _filters(pool: IPv4Network, is_tunnelled: bool) -> Iterator[str]:
    yield ""
    yield "filter calico_export_to_bgp_peers {"
    # the agent's own routes to other hosts' blocks are no news to anybody
    yield '  if (ifname = "tunl0") then { reject; }'
    yield "  calico_aggr();"
    yield f"  if (net ~ {pool}) then {{ accept; }}"
    yield "  reject;"
    yield "}"
    yield ""
    yield "filter calico_kernel_programming {"
    yield "  if (source = RTS_DEVICE) then { reject; }  # the kernel has them"
    if is_tunnelled:
        yield f"  if (net ~ {pool}) then {{ reject; }}  # Felix writes these routes"
    yield "  accept;"
    yield "}"


_PROTOCOLS = """
protocol kernel {
  learn;             # all alien routes
  persist;           # keep the routes when BIRD ends
  scan time 2;
  graceful restart;
  merge paths on;
  ipv4 {
    import all;
    export filter calico_kernel_programming;
  };
}

protocol device {
  scan time 2;
}

protocol direct {
  ipv4;
  interface -"cali*", -"kube-ipvs*", "*";
}

template bgp bgp_template {
  description "Connection to BGP peer";
  multihop;
  ipv4 {
    gateway recursive;
    add paths on;
    import all;
    export filter calico_export_to_bgp_peers;
  };
  graceful restart;
  connect delay time 2;
  connect retry time 5;
  error wait time 5,30;""".splitlines()


def _session(own: Node, peer: BgpPeer) -> Iterator[str]:
    yield f"protocol bgp {peer.name} from bgp_template {{"
    yield f"  neighbor {peer.address} as {AS_NUMBER};"
    if peer.is_passive:
        yield "  passive on;"
    if peer.is_client:
        yield "  rr client;"
        yield f"  rr cluster id {own.cluster_id};"
    yield "}"


def next_hops(lines: Sequence[str]) -> dict[IPv4Network, str]:
    """Return the networks and their hosts' addresses from the answer to ``show route all where source = RTS_BGP``."""
    hops: dict[IPv4Network, str] = {}
    current: IPv4Network | None = None
    for line in lines:
        if match := _ROUTE.match(line):
            current = IPv4Network(match[1])
        elif (match := _NEXT_HOP.match(line)) and current is not None:
            hops.setdefault(current, match[1])
    return hops
