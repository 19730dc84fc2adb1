"""The chains of stages that packets are sent through: each has one stage that the chains before it do not have."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from emulator.calibration.bursts import Step
from emulator.calibration.network import MTU_BYTES, PORT, Network, Node
from emulator.netlink import namespaces, xfrm
from emulator.netlink.connection import Netlink
from emulator.netlink.datapath import Datapath, Upcalls
from emulator.netlink.flows import FlowKey, Output
from emulator.netlink.state import FdbEntry, Route
from emulator.netlink.tun import TUN, open_tun
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program
from emulator.system.text import one_line
from gtsdsl.text import printable

FRAMES_BYTES = (128, 512, 1500, 9000, 30000, 64000)
"""The sizes of frames that every chain is measured with. A frame is counted with its Ethernet header."""
RULES = 200
"""The rules of the chain ``rule``."""
FRAME = "frame"
"""The stage of a raw frame that a program sends and the kernel drops; it is no stage of a cost table."""
DATAGRAM = "datagram"
"""The stage of a UDP datagram that the kernel drops at the far end of a veth pair; it is no stage of a table either."""

Way: TypeAlias = Callable[[int], Sequence[Step]]
"""The system calls that take a packet through a chain, by the bytes of its frame."""

_ETHERNET_BYTES, _IP_UDP_BYTES = 14, 28
_ETHERTYPE = b"\x88\xb5"
"""An EtherType for experiments (IEEE 802), which no part of the kernel takes: it drops the frame."""
_INNER_MTU_BYTES = 65000
_MARK, _SO_MARK, _SPI = 1, 36, 0x100
_VNI, _TUNNEL_PORT = 1, 4789
_IPIP = "tunl0"
"""The name of the tunnel that the kernel itself makes."""


class LackError(EmulationError):
    """This machine lacks what a chain needs; the message says what, and how to add it."""


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain: the stages that a packet passes, each with how often, and what makes the chain in a network.

    The last stage is the one that the chains before do not have. ``build`` raises a `LackError` if this machine lacks
    the stage, or a `NetlinkError` if its kernel does; ``facility`` is then the kernel's, and ``module`` has it.
    """

    stages: Mapping[str, int]
    build: Callable[[Network], Way]
    facility: str = ""
    module: str = ""
    frames_bytes: tuple[int, ...] = FRAMES_BYTES

    @property
    def stage(self) -> str:
        """The stage that the chain adds."""
        return tuple(self.stages)[-1]


def _dropped_frames(network: Network) -> Way:
    """Send frames by a bridge without ports."""
    node = network.node()
    node.kernel.add_bridge("br", mac="02:00:00:00:00:01", mtu_bytes=MTU_BYTES)
    return _frames_way(network.frames(node, "br"))


def _frames_over_veth(network: Network) -> Way:
    first, second = network.node(), network.node()
    return _frames_way(network.frames(first, network.join(first, second).first))


def _frames_way(end: socket.socket) -> Way:
    head = b"\xff" * 6 + bytes(6) + _ETHERTYPE
    return lambda frame_bytes: (partial(end.send, head + bytes(frame_bytes - len(head))),)


def _straight(network: Network) -> Way:
    return _udp_way(network, *_joined(network))


def _joined(network: Network) -> tuple[Node, Node]:
    """Make two nodes with a veth pair, whose addresses are 10.0.0.1 and 10.0.0.2."""
    first, second = network.node(), network.node()
    pair = network.join(first, second)
    _give_addresses(first, second, pair.first, pair.second, (pair.first_mac, pair.second_mac), "10.0.0")
    return first, second


def _give_addresses(
    first: Node, second: Node, first_link: str, second_link: str, macs: tuple[str, str], net: str
) -> None:
    first.address(first_link, f"{net}.1/24")
    second.address(second_link, f"{net}.2/24")
    first.neighbour(first_link, f"{net}.2", macs[1])
    second.neighbour(second_link, f"{net}.1", macs[0])


def _udp_way(network: Network, first: Node, second: Node, net: str = "10.0.0") -> Way:
    """Send by a socket of the first node, and receive by one of the second."""
    sender, receiver = _udp_ends(network, first, second, net, PORT)
    buffer = bytearray(MTU_BYTES)
    return lambda frame_bytes: (partial(sender.send, _payload(frame_bytes)), partial(receiver.recv_into, buffer))


def _payload(frame_bytes: int) -> bytes:
    return bytes(frame_bytes - _ETHERNET_BYTES - _IP_UDP_BYTES)


def _udp_ends(network: Network, first: Node, second: Node, net: str, port: int) -> tuple[socket.socket, socket.socket]:
    sender = network.udp(first, f"{net}.1", port)
    receiver = network.udp(second, f"{net}.2", port)
    sender.connect((f"{net}.2", port))
    return sender, receiver


def _bridged(network: Network) -> Way:
    first, middle, second = network.node(), network.node(), network.node()
    left, right = network.join(first, middle), network.join(second, middle)
    middle.kernel.add_bridge("br", mac="02:00:00:00:00:01", mtu_bytes=MTU_BYTES)
    for port in (left.second, right.second):
        middle.kernel.set_up(port, master="br")
    _give_addresses(first, second, left.first, right.first, (left.first_mac, right.first_mac), "10.0.0")
    return _udp_way(network, first, second)


def _forwarded(network: Network) -> Way:
    first, middle, second = network.node(), network.node(), network.node()
    left, right = network.join(first, middle), network.join(second, middle)
    middle.set_parameter("ipv4/ip_forward", "1")
    for node, link, own, far, far_mac in (
        (first, left.first, "10.0.0.1/32", "10.0.0.2", left.second_mac),
        (second, right.first, "10.0.0.2/32", "10.0.0.1", right.second_mac),
        (middle, left.second, "10.0.1.1/32", "10.0.0.1", left.first_mac),
        (middle, right.second, "10.0.1.2/32", "10.0.0.2", right.first_mac),
    ):
        node.address(link, own)
        node.route(f"{far}/32", link)
        node.neighbour(link, far, far_mac)
    return _udp_way(network, first, second)


def _vxlan(network: Network) -> Way:
    first, second = _joined(network)
    for node, own, far in ((first, 1, 2), (second, 2, 1)):
        own_mac, far_mac = _inner_mac(own), _inner_mac(far)
        node.kernel.add_vxlan(
            "tunnel", vni=_VNI, port=_TUNNEL_PORT, local=f"10.0.0.{own}", mac=own_mac, mtu_bytes=_INNER_MTU_BYTES
        )
        node.kernel.put(FdbEntry("tunnel", far_mac, f"10.0.0.{far}"))
    return _tunnel_way(network, first, second)


def _geneve(network: Network) -> Way:
    first, second = _joined(network)
    for node, own, far in ((first, 1, 2), (second, 2, 1)):
        node.kernel.add_geneve("tunnel", vni=_VNI, port=6081, remote=f"10.0.0.{far}", mac=_inner_mac(own))
        node.kernel.set_up("tunnel", mtu_bytes=_INNER_MTU_BYTES)
    return _tunnel_way(network, first, second)


def _tunnel_way(network: Network, first: Node, second: Node) -> Way:
    _give_addresses(first, second, "tunnel", "tunnel", (_inner_mac(1), _inner_mac(2)), "10.1.0")
    return _udp_way(network, first, second, "10.1.0")


def _inner_mac(end: int) -> str:
    return f"02:00:00:01:00:{end:02x}"


def _ipip(network: Network) -> Way:
    first, second = _joined(network)
    for node, own, far in ((first, 1, 2), (second, 2, 1)):
        node.kernel.add_ipip(_IPIP, mtu_bytes=_INNER_MTU_BYTES)
        node.address(_IPIP, f"10.1.0.{own}/32")
        node.kernel.put(Route(f"10.1.0.{far}/32", _IPIP, f"10.0.0.{far}", flags=("onlink",)))
    return _udp_way(network, first, second, "10.1.0")


def _openvswitch(network: Network) -> Way:
    first, middle, second = network.node(), network.node(), network.node()
    left, right = network.join(first, middle), network.join(second, middle)
    with namespaces.entered(middle.descriptor):
        datapath, upcalls = network.keep(Datapath("ovs")), network.keep(Upcalls())
        ports = [datapath.add_port(name, upcalls) for name in (left.second, right.second)]
        macs = [bytes.fromhex(it.replace(":", "")) for it in (left.first_mac, right.first_mac)]
        datapath.put_flow(FlowKey(ports[0], macs[0], macs[1]), [Output(ports[1])])
    _give_addresses(first, second, left.first, right.first, (left.first_mac, right.first_mac), "10.0.0")
    return _udp_way(network, first, second)


def _dropped_datagrams(network: Network) -> Way:
    """Send datagrams to an address that nobody has: the kernel drops them where it looks for a route at the far end."""
    return _sent_way(network, _half_joined(network))


def _ipsec(network: Network) -> Way:
    """Encrypt datagrams that are dropped then: since Linux 5.18, a thread of the kernel delivers decrypted packets."""
    node = _half_joined(network)
    association = xfrm.Association("10.0.0.1", "10.0.0.2", _SPI, os.urandom(xfrm.KEY_BYTES))
    with namespaces.entered(node.descriptor):
        netlink = network.keep(Netlink(xfrm.NETLINK_XFRM))
        netlink.send([xfrm.add(association), xfrm.put_policy(xfrm.Policy("10.0.0.1", "10.0.0.2", _SPI, _MARK))])
    return _sent_way(network, node)


def _half_joined(network: Network) -> Node:
    """Make a node, 10.0.0.1, that sends the packets for 10.0.0.2 over a veth pair to a node without addresses."""
    first, second = network.node(), network.node()
    pair = network.join(first, second)
    first.address(pair.first, "10.0.0.1/24")
    first.neighbour(pair.first, "10.0.0.2", pair.second_mac)
    return first


def _sent_way(network: Network, node: Node) -> Way:
    """Send marked datagrams to 10.0.0.2."""
    sender = network.udp(node, "10.0.0.1", PORT)
    sender.setsockopt(socket.SOL_SOCKET, _SO_MARK, _MARK)
    sender.connect(("10.0.0.2", PORT))
    return lambda frame_bytes: (partial(sender.send, _payload(frame_bytes)),)


def _user_space(network: Network) -> Way:
    """Make the system calls of a program that carries packets in UDP, as flannel's `udp` does."""
    first, second = _joined(network)
    tuns = []
    for node, own, far in ((first, 1, 2), (second, 2, 1)):
        with namespaces.entered(node.descriptor):
            try:
                tuns.append(network.hold(open_tun("tunnel")))
            except OSError as error:
                remedy = "run it as root" if isinstance(error, PermissionError) else "load it with `modprobe tun`"
                raise LackError(f"{TUN} cannot be used ({error.strerror}): {remedy}") from None
        node.kernel.set_up("tunnel", mtu_bytes=_INNER_MTU_BYTES)
        node.address("tunnel", f"10.1.0.{own}/32")
        node.route(f"10.1.0.{far}/32", "tunnel")
    carrier, far_carrier = _udp_ends(network, first, second, "10.0.0", _TUNNEL_PORT)
    ends = _udp_way(network, first, second, "10.1.0")
    taken, given = memoryview(bytearray(MTU_BYTES)), memoryview(bytearray(MTU_BYTES))

    def way(frame_bytes: int) -> Sequence[Step]:
        send, receive = ends(frame_bytes)
        packet_bytes = frame_bytes - _ETHERNET_BYTES
        return (
            send,
            partial(os.readv, tuns[0], [taken]),
            partial(carrier.send, taken[:packet_bytes]),
            partial(far_carrier.recv_into, given),
            partial(os.write, tuns[1], given[:packet_bytes]),
            receive,
        )

    return way


def _filtered(network: Network) -> Way:
    first, second = _joined(network)
    program = find_program("iptables-restore")
    if program is None:
        raise LackError("`iptables-restore` is missing: `apt-get install iptables`")
    rules = "".join(f"-A OUTPUT -d 198.51.100.{number % 256}/32 -j DROP\n" for number in range(RULES))
    with namespaces.entered(first.descriptor):
        done = subprocess.run(
            [program], input=f"*filter\n{rules}COMMIT\n", env=environment({**os.environ, "LC_ALL": "C"}), cwd="/",
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    if done.returncode != 0:
        said = one_line(done.stderr) or f"exit status {done.returncode}"
        raise LackError(f"`iptables-restore` refuses rules ({printable(said, 120)})")
    return _udp_way(network, first, second)


CHAINS = (
    Chain({FRAME: 1}, _dropped_frames),
    Chain({FRAME: 1, "veth": 1}, _frames_over_veth),
    Chain({"veth": 1, "socket": 2}, _straight),
    Chain({"socket": 2, "veth": 2, "bridge": 1}, _bridged),
    Chain({"socket": 2, "veth": 2, "forward": 1}, _forwarded),
    Chain({"socket": 2, "veth": 1, "rule": RULES}, _filtered, frames_bytes=(128,)),
    Chain({"socket": 2, "veth": 1, "vxlan": 2}, _vxlan, "VXLAN", "vxlan"),
    Chain({"socket": 2, "veth": 1, "geneve": 2}, _geneve, "GENEVE", "geneve"),
    Chain({"socket": 2, "veth": 1, "ipip": 2}, _ipip, "IP in IP", "ipip"),
    Chain({"socket": 2, "veth": 2, "openvswitch": 1}, _openvswitch, "datapath of Open vSwitch", "openvswitch"),
    Chain({DATAGRAM: 1}, _dropped_datagrams),
    Chain({DATAGRAM: 1, "ipsec": 1}, _ipsec, "IPsec with AES-GCM", "esp4"),
    Chain({"socket": 2, "veth": 1, "user-space": 2}, _user_space),
)
"""All chains, in the order in which the costs of their stages are found."""
