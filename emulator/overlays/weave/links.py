"""The interfaces of a host and its containers, named and set as Weave's `net/bridge.go` and `net/veth.go` do.

Without a fast datapath: `weave`, a bridge whose MAC address is the name of the peer – `vethwe-bridge` = `vethwe-pcap`,
where the router captures and injects. A container: `vethwepl…` in the bridge, `ethwe` inside.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from emulator.lab.containers import Container
from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Route
from emulator.overlays.subnets import mac_of

BRIDGE, BRIDGE_PORT, PCAP = "weave", "vethwe-bridge", "vethwe-pcap"
INTERFACE = "ethwe"
_PORT_PREFIX = "vethwepl"
_NAME_LENGTH = 15
_MAC_PREFIX, _BRIDGE_PORT_MAC_PREFIX, _PCAP_MAC_PREFIX = "7a:77", "7a:78", "7a:79"
_CONTAINER_MAC_PREFIX, _CONTAINER_PORT_MAC_PREFIX = "7a:7a", "7a:7b"
_MULTICAST = "224.0.0.0/4"
_NEIGHBOURS: Mapping[str, str] = {"base_reachable_time": "5", "delay_first_probe_time": "2", "ucast_solicit": "1"}
"""Kernel parameters by which containers notice soon that an IP address has got another MAC address."""
_ETH_P_ARP = 0x0806
_ARP = struct.Struct("!HHBBH6s4s6s4s")


def mac_of_bridge(address: str) -> str:
    """Return the MAC address of the bridge of a host with an address, the same in each run."""
    return mac_of(_MAC_PREFIX, address)


def pair_macs(address: str) -> tuple[str, str]:
    """Return the MAC addresses of the pair that leads from the bridge of a host to its router."""
    return mac_of(_BRIDGE_PORT_MAC_PREFIX, address), mac_of(_PCAP_MAC_PREFIX, address)


def make_bridge(kernel: Handle, address: str, mtu_bytes: int) -> None:
    """Make the bridge of the calling thread's namespace, if it is not there; ``address`` is the host's."""
    if not kernel.has_link(BRIDGE):
        kernel.add_bridge(BRIDGE, mac=mac_of_bridge(address), mtu_bytes=mtu_bytes)
        _set_parameters(BRIDGE)


def make_pcap(kernel: Handle, namespace: int, address: str, mtu_bytes: int) -> None:
    """Make the pair that leads from the bridge to a router without a fast datapath, if it is not there."""
    if kernel.has_link(PCAP):
        return
    mac, peer_mac = pair_macs(address)
    kernel.add_veth(BRIDGE_PORT, mac=mac, peer=PCAP, peer_namespace=namespace, peer_mac=peer_mac, mtu_bytes=mtu_bytes)
    for name in (BRIDGE_PORT, PCAP):
        _refuse_advertisements(name)
    kernel.set_up(PCAP)
    kernel.set_up(BRIDGE_PORT, master=BRIDGE)
    _finish_checksums(BRIDGE)


def remove_pcap(kernel: Handle) -> None:
    """Remove the pair; the bridge stays, because containers are its ports."""
    if kernel.has_link(BRIDGE_PORT):
        kernel.delete_link(BRIDGE_PORT)


def join(
    host: int, namespace: int, container: Container, address: IPv4Address, pool: IPv4Network, mtu_bytes: int,
    *, finish_checksums: bool,
) -> None:  # fmt: skip
    """Join a container to the bridge of its host; ``host`` and ``namespace`` are descriptors.

    ``finish_checksums`` lets the container compute checksums, because a router in user space reads its frames.
    """
    port = f"{_PORT_PREFIX}{container.name}"[:_NAME_LENGTH]
    mac = mac_of(_CONTAINER_MAC_PREFIX, address)
    with Handle(host) as kernel, namespaces.entered(host):
        if kernel.has_link(port):
            kernel.delete_link(port)
        kernel.add_veth(
            port, mac=mac_of(_CONTAINER_PORT_MAC_PREFIX, address), peer=INTERFACE, peer_namespace=namespace,
            peer_mac=mac, mtu_bytes=mtu_bytes,
        )  # fmt: skip
        _refuse_advertisements(port)
        kernel.set_up(port, master=BRIDGE)
    with Handle(namespace) as kernel, namespaces.entered(namespace):
        _set_parameters(INTERFACE)
        if finish_checksums:
            _finish_checksums(INTERFACE)
        kernel.add_address(InterfaceAddress(INTERFACE, f"{address}/{pool.prefixlen}"))
        kernel.set_up(INTERFACE)
        kernel.put(Route(_MULTICAST, INTERFACE, scope="link"))
        with Netlink() as netlink:
            links.settle(netlink, [INTERFACE])
        _announce(bytes.fromhex(mac.replace(":", "")), address.packed)


def _announce(mac: bytes, address: bytes) -> None:
    """Send a gratuitous ARP request, by which all peers learn where the container is."""
    broadcast = b"\xff" * 6
    request = _ARP.pack(1, 0x0800, 6, 4, 1, mac, address, broadcast, address)
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as end:
        end.bind((INTERFACE, 0))
        end.send(broadcast + mac + _ETH_P_ARP.to_bytes(2, "big") + request)


def _finish_checksums(name: str) -> None:
    with Netlink() as netlink:
        links.finish_checksums(netlink, [name])


def _set_parameters(name: str) -> None:
    for parameter, value in _NEIGHBOURS.items():
        _set(f"ipv4/neigh/{name}/{parameter}", value)
    _refuse_advertisements(name)


def _refuse_advertisements(name: str) -> None:
    _set(f"ipv6/conf/{name}/accept_ra", "0")


def _set(parameter: str, value: str) -> None:
    with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where kernel parameters are read-only
        Path("/proc/sys/net", parameter).write_text(value)
