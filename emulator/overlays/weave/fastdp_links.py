"""The interfaces of the fast datapath: `weave` – `vethwe-bridge` = `vethwe-datapath` – `datapath` – `vxlan-6784`.

Weave asks Open vSwitch for a port of the type VXLAN, which Linux 7.3 no longer has. A VXLAN interface in external mode
is a port like any other, and puts the same on the wire.
"""

from __future__ import annotations

from collections.abc import Iterator

from emulator.netlink import facilities
from emulator.netlink.datapath import Datapath
from emulator.netlink.handle import Handle
from emulator.overlays.weave.forwarder import PORT

DATAPATH, DATAPATH_PORT = "datapath", "vethwe-datapath"
TUNNEL_UDP_PORT = PORT + 1
TUNNEL = f"vxlan-{TUNNEL_UDP_PORT}"
MTU_BYTES = 1376
"""Weave's default: 1460, the MTU of a large provider, without the headers of IP, UDP, VXLAN, Ethernet, and ESP."""
OVERHEAD_BYTES = 14 + 20 + 8 + 8
"""The bytes that are added to a packet: the inner Ethernet header; IP, UDP, VXLAN."""
ESP_BYTES = 34
"""The least that ESP adds: SPI, sequence number, initialisation vector, padding's length, next header, check value."""
_TUNNEL_MTU_BYTES = 65485
"""The largest packet of IP, without the headers above."""


def join(
    kernel: Handle, namespace: int, *, bridge: str, bridge_port: str, macs: tuple[str, str], mtu_bytes: int = MTU_BYTES
) -> None:
    """Make the pair that leads from a bridge to the datapath, and the tunnel. ``macs`` are those of the pair."""
    mac, peer_mac = macs
    kernel.add_veth(
        bridge_port, mac=mac, peer=DATAPATH_PORT, peer_namespace=namespace, peer_mac=peer_mac, mtu_bytes=mtu_bytes
    )
    kernel.set_up(bridge_port, master=bridge)
    kernel.set_up(DATAPATH_PORT)
    kernel.add_external_vxlan(TUNNEL, port=TUNNEL_UDP_PORT, mtu_bytes=_TUNNEL_MTU_BYTES)
    with Datapath(DATAPATH):
        kernel.set_up(DATAPATH, mtu_bytes=mtu_bytes)


def leave(kernel: Handle) -> None:
    """Remove the pair and the tunnel. The datapath goes with its agent."""
    for name in (DATAPATH_PORT, TUNNEL):
        if kernel.has_link(name):
            kernel.delete_link(name)


def lacks() -> Iterator[str]:
    """Yield a sentence for each thing that this kernel lacks for a fast datapath."""
    yield from facilities.lacks("datapath of Open vSwitch", "openvswitch", lambda _: Datapath("try").close())
    attempt = lambda kernel: kernel.add_external_vxlan(TUNNEL, port=TUNNEL_UDP_PORT, mtu_bytes=_TUNNEL_MTU_BYTES)  # noqa: E731
    yield from facilities.lacks("VXLAN", "vxlan", attempt)
