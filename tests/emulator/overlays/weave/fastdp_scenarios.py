"""Scenarios of the fast datapath without a router, which `gtsdsl emulate --script` plays in a guest of two hosts."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from emulator.lab.underlay import empty_namespace
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces
from emulator.netlink.flows import Action, Flow, Output, SetTunnel
from emulator.netlink.handle import Handle
from emulator.overlays.weave import fastdp_links
from emulator.overlays.weave.fastdp import FLOW_EXPIRY_S, MAC_EXPIRY_S, FastBridge
from emulator.overlays.weave.fastdp_forwarder import FastForwarder, FastMethod
from emulator.overlays.weave.forwarder import ConnectionParameters, Events, Forwarder, Hop, Mac, PeerName
from emulator.overlays.weave.loop import Loop

NAMES = {"h1": bytes.fromhex("0a0000000001"), "h2": bytes.fromhex("0a0000000002")}
SHORT_IDS = {NAMES["h1"]: 0x123, NAMES["h2"]: 0xABC}
ADDRESSES = {"h1": "100.64.0.1", "h2": "100.64.0.2"}
OTHER = {"h1": "h2", "h2": "h1"}
UID = 0x1122334455667788
BROADCAST = b"\xff" * 6
CONTAINERS = {"h1": bytes.fromhex("020000000001"), "h2": bytes.fromhex("020000000002")}
_CONTROL_S = 0.018
_SETTLE_S = 0.3


class UserForwarder(Forwarder):
    """A forwarder in user space, such as sleeve, which keeps what it should send."""

    method = "user"
    mtu_bytes = 1400

    def __init__(self, remote: PeerName, events: Events) -> None:
        super().__init__(remote, events)
        self.sent: list[bytes] = []

    def confirm(self) -> None:
        pass

    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:  # noqa: ARG002
        self.sent.append(frame)

    def control(self, tag: int, message: bytes) -> None:
        pass

    def stop(self) -> None:
        pass


@dataclass
class TwoPeers:
    """A switch that knows two peers, and sends what is not for itself to the other one."""

    host: str
    forwarder: Forwarder | None = None
    bridge: FastBridge | None = None
    asked: list[tuple[Mac, Mac]] = field(default_factory=list)

    @property
    def name(self) -> PeerName:
        return NAMES[self.host]

    def captured(self, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        self.asked.append((source, destination))
        far = NAMES[OTHER[self.host]]
        return () if self.forwarder is None else (Hop(self.forwarder, self.name, far),)

    def forwarded(self, sender: PeerName, receiver: PeerName, source: Mac, destination: Mac) -> tuple[Hop, ...]:
        self.asked.append((source, destination))
        return (Hop(None, sender, receiver),)

    def knows(self, name: PeerName) -> bool:
        return name in SHORT_IDS

    def short_id(self, name: PeerName) -> int | None:
        return SHORT_IDS.get(name)

    def peer_of(self, short_id: int) -> PeerName | None:
        return next((name for name, number in SHORT_IDS.items() if number == short_id), None)

    def inject(self, frame: bytes) -> None:
        assert self.bridge is not None
        self.bridge.inject(frame)


class Host:
    """A host with a bridge, a datapath, a switch, and a packet socket in a container's place."""

    def __init__(self, net: EmulatedNetwork, host: str, loop: Loop) -> None:
        namespace, self.container = net.lab.namespace(host), empty_namespace()
        number = host[1:]
        with Handle(namespace) as kernel, namespaces.entered(namespace):
            kernel.add_bridge("weave", mac=NAMES[host].hex(":"), mtu_bytes=fastdp_links.MTU_BYTES)
            macs = f"02:00:00:00:02:0{number}", f"02:00:00:00:03:0{number}"
            fastdp_links.join(kernel, namespace, bridge="weave", bridge_port="vethwe-bridge", macs=macs)
            kernel.add_veth(
                "vethwepl", mac=f"02:00:00:00:01:0{number}", peer="ethwe", peer_namespace=self.container,
                peer_mac=CONTAINERS[host].hex(":"), mtu_bytes=fastdp_links.MTU_BYTES,
            )  # fmt: skip
            kernel.set_up("vethwepl", master="weave")
            self.bridge = FastBridge(loop)
        with Handle(self.container) as kernel, namespaces.entered(self.container):
            kernel.set_up("ethwe")
            self.end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
            self.end.bind(("ethwe", 3))
        self.switch = TwoPeers(host, bridge=self.bridge)
        self.method = FastMethod(loop, self.bridge)
        self.method.start(self.switch)
        self.bridge.start(self.switch)

    def send(self, destination: Mac, source: Mac, kind: str = "88b5") -> None:
        self.end.send(destination + source + bytes.fromhex(kind) + bytes(46))

    def received(self) -> list[str]:
        """Return the frames of other hosts' containers that have come, without those of the kernel's own protocols."""
        found: list[str] = []
        while True:
            try:
                frame, (_, _, kind, *_) = self.end.recvfrom(2000)
            except BlockingIOError:
                return found
            if kind != socket.PACKET_OUTGOING and frame[12:14] == b"\x88\xb5":
                found.append(f"{frame[6:12].hex()} to {frame[:6].hex()}")

    def flows(self) -> list[str]:
        """Return the flows of test frames, as texts."""
        macs = {*CONTAINERS.values(), BROADCAST}
        return sorted(text(flow) for flow in self.bridge.datapath.flows() if {flow.key.source} <= macs)


def text(flow: Flow) -> str:
    way = "" if flow.key.tunnel is None else f" tunnel {flow.key.tunnel.number:#x}"
    actions = " ".join(_text_of(action) for action in flow.actions)
    return f"{flow.key.in_port}{way}, {flow.key.source.hex()} to {flow.key.destination.hex()}: {actions}"


def _text_of(action: Action) -> str:
    if isinstance(action, Output):
        return str(action.port)
    assert isinstance(action, SetTunnel)
    it = action.tunnel
    return f"{it.number:#x} {it.source} {it.destination} ttl {it.ttl} df {it.dont_fragment}"


class Pair:
    """Two hosts whose forwarders speak to each other, in one loop that runs in a thread."""

    def __init__(self, net: EmulatedNetwork) -> None:
        self.began_s = time.monotonic()
        self.events: list[tuple[float, str, str]] = []
        self.loop = Loop()
        self.hosts = {host: Host(net, host, self.loop) for host in OTHER}
        self.forwarders: dict[str, FastForwarder] = {}
        for host, other in OTHER.items():
            parameters = ConnectionParameters(
                NAMES[other], ADDRESSES[host], ADDRESSES[other], host < other, UID, None, {}
            )
            forwarder = self.hosts[host].method.prepare(parameters, self._events(host))
            self.forwarders[host] = self.hosts[host].switch.forwarder = forwarder
        threading.Thread(target=self.loop.run, daemon=True).start()

    def _events(self, host: str) -> Events:
        def send(tag: int, message: bytes) -> None:
            self._note(host, f"control {tag}")
            self.loop.call_later(_CONTROL_S, lambda: self.forwarders[OTHER[host]].control(tag, message))

        return Events(
            established=lambda: self._note(host, "established"),
            healthy=lambda is_healthy: self._note(host, f"healthy {is_healthy}"),
            failed=lambda reason: self._note(host, f"failed {reason}"),
            send_control=send,
        )

    def _note(self, host: str, what: str) -> None:
        self.events.append((round(time.monotonic() - self.began_s, 3), host, what))

    def do(self, function: Callable[[], None]) -> None:
        """Call a function in the loop's thread, and wait until frames have passed."""
        self.loop.call_later(0, function)
        # the loop waits in a system call; an upcall wakes it
        self.hosts["h1"].send(bytes(6), CONTAINERS["h1"], "88b6")
        time.sleep(_SETTLE_S)


def bridge_between_two_hosts(net: EmulatedNetwork) -> None:
    """Print, as JSON, which frames arrive, and which flows they make."""
    pair = Pair(net)
    near, far = pair.hosts["h1"], pair.hosts["h2"]
    found: dict[str, object] = {}

    def step(name: str, *frames: tuple[Host, Mac, Mac]) -> None:
        for host, destination, source in frames:
            host.send(destination, source)
            time.sleep(_SETTLE_S)
        found[name] = [near.received(), far.received(), near.flows(), far.flows()]

    one, two = CONTAINERS["h1"], CONTAINERS["h2"]
    step("to one that is not known", (near, two, one))
    step("to all", (near, BROADCAST, one))
    step("to one that is known", (far, one, two), (near, two, one))
    asked = len(near.switch.asked)
    step("again", (near, two, one))
    found["asked again"] = len(near.switch.asked) - asked
    step("to one of the same port", (near, one, bytes.fromhex("020000000009")))
    pair.do(pair.hosts["h1"].method.invalidate)
    found["invalidated"] = near.flows()
    user = UserForwarder(NAMES["h2"], pair.forwarders["h1"].events)
    near.switch.forwarder = user
    step("by a program", (near, two, one))
    found["sent by the program"] = [frame[:12].hex() for frame in user.sent if frame[12:14] == b"\x88\xb5"]
    pair.do(partial(near.switch.inject, one + two + bytes.fromhex("88b5") + bytes(46)))
    found["injected"] = near.received()
    print(json.dumps(found))


def expire_flows(net: EmulatedNetwork) -> None:
    """Print, as JSON, which flows are left after the intervals, while one of them is in use."""
    pair = Pair(net)
    near, far = pair.hosts["h1"], pair.hosts["h2"]
    one, two = CONTAINERS["h1"], CONTAINERS["h2"]
    found: dict[str, object] = {}
    for host, destination, source in ((near, BROADCAST, one), (far, one, two), (near, two, one)):
        host.send(destination, source)
        time.sleep(_SETTLE_S)
    near.send(two, one)
    found["at first"] = near.flows()
    near.switch.asked.clear()
    time.sleep(FLOW_EXPIRY_S)
    found["after one interval"] = near.flows()
    found["asked"] = (one, two) in near.switch.asked
    time.sleep(FLOW_EXPIRY_S)
    found["after two"] = near.flows()
    time.sleep(2 * MAC_EXPIRY_S - 2 * FLOW_EXPIRY_S)
    near.send(two, one)
    time.sleep(_SETTLE_S)
    # forgotten, so the frame goes to all ports and makes no flow
    found["after the addresses were forgotten"] = near.flows()
    print(json.dumps(found))


def beat(net: EmulatedNetwork) -> None:
    """Print, as JSON, what forwarders say while UDP 6784 passes, does not, and passes again."""
    pair = Pair(net)
    with namespaces.entered(net.lab.namespace("h1")):
        end = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
        end.bind((net["h1"].intfNames()[0], 3))
    for forwarder in pair.forwarders.values():
        pair.loop.call_later(0, forwarder.confirm)
    pair.do(lambda: None)
    sent = [data for data in _all(end) if data[23:24] == b"\x11"]
    found: dict[str, object] = {"heartbeats": [data.hex() for data in sent if len(data) > 1400]}
    time.sleep(30)
    found["in thirty seconds"] = len([data for data in _all(end) if data[23:24] == b"\x11" and len(data) > 1400])
    near = pair.hosts["h1"].bridge
    far = pair.forwarders["h2"]
    before = len(pair.events)
    frames = [bytes(14 + 9), bytes(14) + UID.to_bytes(8, "big") + (99).to_bytes(2, "big") + bytes(100)]
    frames.append(bytes(14) + bytes(8) + (1390).to_bytes(2, "big") + bytes(1366))
    for frame in frames:  # too short, of another length than it says, of another connection
        pair.do(partial(near.execute, frame, pair.forwarders["h1"].actions(NAMES["h1"], NAMES["h2"])))
    pair.do(lambda: far.control(7, b"unknown"))
    pair.do(lambda: far.control(1, b"without a password"))
    found["said about malformed ones"] = pair.events[before:]
    for host in OTHER:
        net[host].cmd("iptables -A INPUT -p udp --dport 6784 -j DROP")
    cut_s = time.monotonic() - pair.began_s
    time.sleep(75)
    for host in OTHER:
        net[host].cmd("iptables -F INPUT")
    mended_s = time.monotonic() - pair.began_s
    time.sleep(15)
    found["events"] = pair.events
    found["cut"], found["mended"] = cut_s, mended_s
    for forwarder in pair.forwarders.values():
        forwarder.stop()
    _all(end)
    time.sleep(30)
    found["after the stop"] = len([data for data in _all(end) if data[23:24] == b"\x11"])
    found["actions after the stop"] = pair.forwarders["h1"].actions(NAMES["h1"], NAMES["h2"])
    print(json.dumps(found))


def _all(end: socket.socket) -> list[bytes]:
    found = []
    while True:
        try:
            found.append(end.recv(2000))
        except BlockingIOError:
            return found
