"""Scenarios of netlink that need a guest kernel: `gtsdsl emulate --script` plays them with two hosts."""

from __future__ import annotations

import json
import select
import threading
from dataclasses import dataclass, field

from emulator.lab.underlay import empty_namespace
from emulator.measure.echo import Echo
from emulator.mininet.network import EmulatedNetwork
from emulator.netlink import namespaces, xfrm
from emulator.netlink.connection import Netlink, NetlinkError
from emulator.netlink.datapath import Datapath, Upcall, Upcalls
from emulator.netlink.flows import Action, FlowKey, Output, SetTunnel, Tunnel
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress

_ADDRESSES = {"h1": "100.64.0.1", "h2": "100.64.0.2"}
_NUMBERS = {"h1": 0xABC123, "h2": 0x123ABC}
_OTHER = {"h1": "h2", "h2": "h1"}
_TUNNEL = "vxlan-6784"


@dataclass
class Side:
    """A host with a datapath, a container on its first port, and a tunnel on its second."""

    host: str
    namespace: int
    container: int
    datapath: Datapath
    upcalls: Upcalls
    seen: list[Upcall] = field(default_factory=list)

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions that send a frame to the other host."""
        other = _OTHER[self.host]
        tunnel = Tunnel(_NUMBERS[self.host], _ADDRESSES[self.host], _ADDRESSES[other], 64, dont_fragment=True)
        return SetTunnel(tunnel), Output(2)

    def serve(self) -> None:
        """Answer upcalls until the process ends."""
        while True:
            select.select([self.upcalls], [], [])
            for upcall in self.upcalls.receive():
                self.seen.append(upcall)
                if any(upcall.key.source):
                    self.datapath.answer(upcall, self.actions if upcall.key.in_port == 1 else [Output(1)])


def _side(net: EmulatedNetwork, host: str) -> Side:
    namespace, container = net.lab.namespace(host), empty_namespace()
    number = host[1:]
    near, far = f"02:00:00:00:01:0{number}", f"02:00:00:00:00:0{number}"
    with Handle(namespace) as kernel:
        kernel.add_veth("vethd", mac=near, peer="eth0", peer_namespace=container, peer_mac=far, mtu_bytes=1376)
        kernel.set_up("vethd")
        kernel.add_external_vxlan(_TUNNEL, port=6784, mtu_bytes=65485)
    with Handle(container) as kernel:
        kernel.add_address(InterfaceAddress("eth0", f"10.32.0.{number}/12"))
        kernel.set_up("eth0")
    with namespaces.entered(namespace):
        datapath, upcalls = Datapath("datapath"), Upcalls()
        datapath.add_port("vethd", upcalls)
        datapath.add_port(_TUNNEL, upcalls)
    side = Side(host, namespace, container, datapath, upcalls)
    threading.Thread(target=side.serve, daemon=True).start()
    return side


def use_a_datapath(net: EmulatedNetwork) -> None:
    """Print what a datapath does, as JSON."""
    near, far = _side(net, "h1"), _side(net, "h2")
    sides = {"h1": near, "h2": far}
    found: dict[str, object] = {"ports": [[it.number, it.name] for it in near.datapath.ports()]}
    with Echo(near.container, "10.32.0.1") as echo:
        found["round_trips_ns"] = [echo.round_trip_ns("10.32.0.2", number, 1.0) for number in range(6)]
        found["upcalls"] = {host: [it.frame[12:14].hex() for it in side.seen] for host, side in sides.items()}
        tunnel = far.seen[0].key.tunnel
        assert tunnel is not None
        found["tunnel"] = [tunnel.number, tunnel.source, tunnel.destination, tunnel.ttl, tunnel.dont_fragment]
        found["flows"] = {host: len(side.datapath.flows()) for host, side in sides.items()}
        key = FlowKey(1, bytes.fromhex("020000000001"), bytes.fromhex("020000000002"))
        (flow,) = (it for it in near.datapath.flows() if it.key == key)
        found["packets"], found["was used"] = flow.packets, flow.used_ms is not None
        near.datapath.clear_flow(key)
        (flow,) = (it for it in near.datapath.flows() if it.key == key)
        found["cleared"] = [flow.packets, flow.used_ms]
        near.datapath.put_flow(key, ())
        found["drops"] = echo.round_trip_ns("10.32.0.2", 7, 1.0)
    near.datapath.delete_flow(key)
    found["after one was deleted"] = len(near.datapath.flows())
    near.datapath.delete_flows()
    found["after all were deleted"] = len(near.datapath.flows())
    near.datapath.execute((bytes(14 + 1376), near.actions), (bytes(14 + 100), near.actions))
    with Echo(near.container, "10.32.0.1") as echo:  # which takes longer than the frame
        echo.round_trip_ns("10.32.0.2", 8, 1.0)
    found["executed"] = [[it.is_miss, len(it.frame)] for it in far.seen if not any(it.key.source)]
    with namespaces.entered(near.namespace):
        try:
            near.datapath.add_port("no0", near.upcalls)
        except NetlinkError as error:
            found["refused"] = str(error)
        with Datapath("datapath") as same:
            found["ports of the same"] = len(same.ports())
            same.delete_port(2)
            found["ports without one"] = [[it.number, it.name] for it in same.ports()]
            same.delete()
    with Handle(near.namespace) as kernel:
        found["left"] = [kernel.has_link("datapath"), kernel.has_link(_TUNNEL)]
    print(json.dumps(found))


def encrypt_between_two_hosts(net: EmulatedNetwork) -> None:
    """Print what associations and policies the kernel has, and what an echo between two hosts meets, as JSON."""
    keys = {"h1": bytes(range(36)), "h2": bytes(range(100, 136))}
    spis: dict[str, int] = {}
    sockets: dict[str, Netlink] = {}
    found: dict[str, object] = {}
    for host, other in _OTHER.items():
        with namespaces.entered(net.lab.namespace(host)):
            sockets[host] = netlink = Netlink(xfrm.NETLINK_XFRM)
        spis[host] = xfrm.allocate_spi(netlink, _ADDRESSES[other], _ADDRESSES[host])
        inbound = xfrm.Association(_ADDRESSES[other], _ADDRESSES[host], spis[host], keys[host])
        netlink.send([xfrm.update(inbound)])
    for host, other in _OTHER.items():
        outbound = xfrm.Association(_ADDRESSES[host], _ADDRESSES[other], spis[other], keys[other])
        policy = xfrm.Policy(_ADDRESSES[host], _ADDRESSES[other], spis[other], 0x20000)
        sockets[host].send([xfrm.add(outbound), xfrm.put_policy(policy)])
    near = sockets["h1"]
    found["spis"] = spis
    found["associations"] = [
        [it.source, it.destination, it.spi, it.key.hex()] for it in sorted(xfrm.associations(near), key=str)
    ]
    found["policies"] = [[it.source, it.destination, it.spi, it.mark] for it in xfrm.policies(near)]
    # the kernel's own tool reads the same
    found["shown"] = net["h1"].cmd("ip xfrm state; ip xfrm policy")
    try:
        near.send([xfrm.add(xfrm.Association(_ADDRESSES["h1"], _ADDRESSES["h2"], spis["h2"], keys["h2"]))])
    except NetlinkError as error:
        found["refused"] = str(error)
    for policy in xfrm.policies(near):
        near.send([xfrm.delete_policy(policy)])
    for association in xfrm.associations(near):
        near.send([xfrm.delete(association)])
    found["left"] = [len(xfrm.associations(near)), len(xfrm.policies(near))]
    print(json.dumps(found))
