"""BIRD: its configuration as confd writes it, and its control socket.

The configuration follows Calico's templates (`node/filesystem/etc/calico/confd/templates`) in the words of BIRD 2;
Calico ships a version of BIRD 1.6 of its own. Timers are Calico's.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from emulator.overlays.calico.resources import AS_NUMBER, Node
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program

PROGRAM = "bird"
CONFIG_FILE, SOCKET = "bird.cfg", "bird.ctl"
_SOCKET_BYTES = 107
"""The longest path of a Unix socket: `sun_path` of unix(7) without its final zero byte."""
_TIMEOUT_S = 5.0
_REPLY = re.compile(r"(\d{4})([ -])(.*)")
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


def version() -> str | None:
    """Return the version of the installed BIRD, such as ``2.0.12``; None if BIRD is missing or says none."""
    path = find_program(PROGRAM)
    if path is None:
        return None
    said = subprocess.run([path, "--version"], env=environment(os.environ), capture_output=True, text=True, check=False)
    match = re.search(r"BIRD version (\S+)", said.stdout + said.stderr)
    return match[1] if match else None


def check_path(folder: Path) -> None:
    """Check that the control socket in a host's folder can have its path.

    Raises:
        EmulationError: the path is too long.
    """
    if len(bytes(folder / SOCKET)) > _SOCKET_BYTES:
        raise EmulationError(f"{folder} is too long a path for BIRD's socket: set TMPDIR to a shorter one")


def command(folder: Path) -> list[str]:
    """Return the command line of BIRD with its files in a host's folder, as Calico starts it."""
    return [PROGRAM, "-R", "-f", "-c", str(folder / CONFIG_FILE), "-s", str(folder / SOCKET), "-P", str(folder / "pid")]


def ask(folder: Path, question: str) -> tuple[str, ...]:
    """Send a command to the BIRD of a host's folder, as `birdc` does, and return the lines of its answer.

    Raises:
        OSError: no BIRD runs there, or it does not answer in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(folder / SOCKET))
        with connection.makefile("r", encoding="utf-8", errors="replace") as answers:
            tuple(_answer(answers))  # the greeting
            connection.sendall(f"{question}\n".encode())
            return tuple(_answer(answers))


def _answer(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of one answer. A line begins with a code and a dash, the last one with a code and a blank."""
    for line in lines:
        match = _REPLY.match(line)
        if match is None:
            yield line.rstrip()[1:]  # a blank stands for the code of the line before
            continue
        _, separator, text = match.groups()
        if text:
            yield text.rstrip()
        if separator == " ":
            return
    raise ConnectionError("BIRD closed its control socket")


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
