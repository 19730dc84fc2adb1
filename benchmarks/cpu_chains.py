"""The time of a packet in chains that `gtsdsl cpu calibrate` does not measure, for the validation of its tables.

One thread sends bursts and receives them, as for the calibration. What is new is the chain, the size of the frames, or
both, so that the figures show whether the costs of stages add up.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from emulator.calibration import bursts
from emulator.calibration.bursts import Step
from emulator.calibration.network import PORT, Network, Node, mac
from emulator.netlink import namespaces
from emulator.netlink.connection import NetlinkError
from emulator.netlink.state import FdbEntry
from emulator.netlink.tun import open_tun
from emulator.system.errors import EmulationError

HEADERS_BYTES = 42
"""The headers of Ethernet, IP and UDP."""
_COUNT, _PAIR_BYTES = 32, 1500
_MTU_BYTES = 9000
_MOST_BYTES = 65535


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: how often a packet passes each stage, the bytes of its frame, and what makes the chain.

    ``build`` returns the system calls for one packet of each of the ``flows``. ``why`` is the likely reason if the
    model is off.
    """

    name: str
    stages: Mapping[str, int]
    frame_bytes: int
    build: Callable[[Network, int], Sequence[Step]]
    flows: int = 1
    why: str = ""
    times_ns: list[float] = field(default_factory=list)
    """The measured times of a packet, one for each repetition."""


def measure(chains: Sequence[Chain], repetitions: int) -> Iterator[str]:
    """Measure all chains in turns, into their ``times_ns``; yield why a chain is left out."""
    with Network() as network, bursts.pinned(), bursts.idle_calls() as idle:
        built: list[tuple[Chain, Sequence[Step]]] = []
        for chain in chains:
            try:
                built.append((chain, chain.build(network, chain.frame_bytes)))
            except (NetlinkError, EmulationError, OSError) as error:
                yield f"{chain.name}: {error}"
        pair = _straight(network, _PAIR_BYTES)
        found: list[tuple[Chain, float, int]] = []
        alone_ns, with_idle_ns, system_calls_ns = [], [], []
        for _ in range(repetitions):
            system_calls_ns.append(bursts.system_call_ns())
            alone_ns.append(_burst_ns(pair))
            with_idle_ns.append(_burst_ns(pair, idle))
            found += [(chain, ns, len(steps)) for chain, steps in built if (ns := _burst_ns(steps)) is not None]
    python_ns = bursts.python_ns(alone_ns, with_idle_ns, len(pair), median(system_calls_ns))
    for chain, ns, calls in found:
        chain.times_ns.append((ns - calls * python_ns) / chain.flows)


def _burst_ns(steps: Sequence[Step], idle: Sequence[Step] = ()) -> float | None:
    """Return the nanoseconds for each packet of a burst, after one that warms the caches."""
    bursts.burst_ns(steps, _COUNT, idle)
    return bursts.burst_ns(steps, _COUNT, idle)


def joined(network: Network) -> tuple[Node, Node]:
    """Make two nodes with a veth pair, whose addresses are 10.0.0.1 and 10.0.0.2."""
    first, second = network.node(), network.node()
    pair = network.join(first, second)
    _address(first, second, (pair.first, pair.second), (pair.first_mac, pair.second_mac), "10.0.0")
    return first, second


def tunnel(first: Node, second: Node, number: int) -> str:
    """Put VXLAN over the subnet 10.0.(number - 1), with the subnet 10.0.(number); return the subnet."""
    below, subnet, name = f"10.0.{number - 1}", f"10.0.{number}", f"vxlan{number}"
    macs = mac(number, 11), mac(number, 12)
    for node, own, far in ((first, 1, 2), (second, 2, 1)):
        local = f"{below}.{own}"
        node.kernel.add_vxlan(
            name, vni=number, port=4788 + number, local=local, mac=macs[own - 1], mtu_bytes=_MTU_BYTES
        )
        node.kernel.put(FdbEntry(name, macs[far - 1], f"{below}.{far}"))
    _address(first, second, (name, name), macs, subnet)
    return subnet


def _address(first: Node, second: Node, links: tuple[str, str], macs: tuple[str, str], subnet: str) -> None:
    for node, link, own in ((first, links[0], 1), (second, links[1], 2)):
        node.address(link, f"{subnet}.{own}/24")
        node.neighbour(link, f"{subnet}.{3 - own}", macs[2 - own])


def _datagrams(
    network: Network, first: Node, second: Node, subnet: str, frame_bytes: int, port: int = PORT
) -> list[Step]:
    sender = network.udp(first, f"{subnet}.1", port)
    receiver = network.udp(second, f"{subnet}.2", port)
    sender.connect((f"{subnet}.2", port))
    buffer = bytearray(_MOST_BYTES)
    return [partial(sender.send, bytes(frame_bytes - HEADERS_BYTES)), partial(receiver.recv_into, buffer)]


def _straight(network: Network, frame_bytes: int) -> Sequence[Step]:
    return _datagrams(network, *joined(network), "10.0.0", frame_bytes)


def _over_vxlan(depth: int, network: Network, frame_bytes: int) -> Sequence[Step]:
    first, second = joined(network)
    subnet = [tunnel(first, second, number) for number in range(1, depth + 1)][-1]
    # the model counts the frame as it is on the circuit, with the headers of all tunnels
    return _datagrams(network, first, second, subnet, frame_bytes - depth * 50)


def _two_flows(network: Network, frame_bytes: int) -> Sequence[Step]:
    first, second = joined(network)
    subnet = tunnel(first, second, 1)
    flows = [_datagrams(network, first, second, subnet, frame_bytes - 50, PORT + number) for number in range(2)]
    return [flow[step] for step in range(2) for flow in flows]


def _over_user_space(network: Network, frame_bytes: int) -> Sequence[Step]:
    """Put VXLAN over the system calls of a program that carries packets in UDP."""
    first, second = joined(network)
    tuns = []
    for node, own in ((first, 1), (second, 2)):
        with namespaces.entered(node.descriptor):
            tuns.append(network.hold(open_tun("tun")))
        node.kernel.set_up("tun", mtu_bytes=_MTU_BYTES)
        node.address("tun", f"10.0.1.{own}/24")
    carrier = network.udp(first, "10.0.0.1", 5999)
    far_carrier = network.udp(second, "10.0.0.2", 5999)
    carrier.connect(("10.0.0.2", 5999))
    subnet = tunnel(first, second, 2)
    inner_bytes = frame_bytes - 50 - 28  # without the headers of VXLAN, and of the carrier's IP and UDP
    send, receive = _datagrams(network, first, second, subnet, inner_bytes)
    size = inner_bytes + 50 - 14
    taken, given = memoryview(bytearray(_MTU_BYTES)), memoryview(bytearray(_MTU_BYTES))
    return [
        send, partial(os.readv, tuns[0], [taken]), partial(carrier.send, taken[:size]),
        partial(far_carrier.recv_into, given), partial(os.write, tuns[1], given[:size]), receive,
    ]  # fmt: skip


def _filtered(rules: int, network: Network, frame_bytes: int) -> Sequence[Step]:
    first, second = joined(network)
    text = "".join(f"-A OUTPUT -s 198.51.{number // 250}.{number % 250}/32 -j DROP\n" for number in range(rules))
    with namespaces.entered(first.descriptor):
        done = subprocess.run(["iptables-restore"], input=f"*filter\n{text}COMMIT\n", text=True, check=False, cwd="/")
    if done.returncode:
        raise EmulationError(f"iptables-restore fails with exit status {done.returncode}")
    return _datagrams(network, first, second, "10.0.0", frame_bytes)


def _containers(network: Network, frame_bytes: int) -> Sequence[Step]:
    """Join two containers as flannel's VXLAN does: veth, bridge and route at each host, and VXLAN between them."""
    hosts = joined(network)
    tunnel(*hosts, 1)
    containers = network.node(), network.node()
    for host, container, own in zip(hosts, containers, (1, 2), strict=True):
        pair = network.join(container, host)
        bridge_mac = mac(90 + own, 1)
        host.kernel.add_bridge("br", mac=bridge_mac, mtu_bytes=_MTU_BYTES)
        host.kernel.set_up(pair.second, master="br")
        host.address("br", f"10.1.{own}.1/24")
        host.neighbour("br", f"10.1.{own}.2", pair.first_mac)
        host.set_parameter("ipv4/ip_forward", "1")
        host.route(f"10.1.{3 - own}.0/24", "vxlan1", f"10.0.1.{3 - own}")
        container.address(pair.first, f"10.1.{own}.2/24")
        container.neighbour(pair.first, f"10.1.{own}.1", bridge_mac)
        container.route(f"10.1.{3 - own}.0/24", pair.first, f"10.1.{own}.1")
    sender = network.udp(containers[0], "10.1.1.2", PORT)
    receiver = network.udp(containers[1], "10.1.2.2", PORT)
    sender.connect(("10.1.2.2", PORT))
    payload, buffer = bytes(frame_bytes - 50 - HEADERS_BYTES), bytearray(_MOST_BYTES)
    return [partial(sender.send, payload), partial(receiver.recv_into, buffer)]


_PAIR = {"socket": 2, "veth": 1}


def chains() -> list[Chain]:
    """Return all chains, without times."""
    both = _PAIR | {"vxlan": 2}
    carried = both | {"user-space": 2}
    whole = {"socket": 2, "veth": 3, "bridge": 2, "forward": 2, "vxlan": 2}
    rules = "the time of a rule depends on how many there are: many do not fit in the nearest cache"
    warm = "code that a packet passes twice is in the cache the second time"
    return [
        Chain("small packets (64 bytes) over a veth pair", _PAIR, 64, _straight),
        Chain("small packets (114 bytes) over VXLAN", both, 114, partial(_over_vxlan, 1)),
        Chain("two flows over VXLAN, 1,000 bytes", both, 1000, _two_flows, 2),
        Chain("VXLAN in VXLAN, 1,500 bytes", _PAIR | {"vxlan": 4}, 1500, partial(_over_vxlan, 2), why=warm),
        Chain("VXLAN over a user-space tunnel, 1,500 bytes", carried, 1500, _over_user_space, why=warm),
        Chain("two containers over flannel's VXLAN, 1,500 bytes", whole, 1500, _containers, why=warm),
        Chain("50 rules, 1,000 bytes", _PAIR | {"rule": 50}, 1000, partial(_filtered, 50), why=rules),
        Chain("1,000 rules, 1,000 bytes", _PAIR | {"rule": 1000}, 1000, partial(_filtered, 1000), why=rules),
    ]
