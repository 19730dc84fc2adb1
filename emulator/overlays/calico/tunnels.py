"""Calico's tunnels of the kernel, IPIP and VXLAN, with the entries that lead to other hosts' blocks through them.

They follow Felix's `ipip_mgr.go` and `vxlan_mgr.go`, with one deviation: Felix binds ``vxlan.calico`` to the interface
that has the host's address, which all its packets leave through. Here the device is bound to no interface, because a
host has several circuits, and its routes choose among them.
"""

from __future__ import annotations

import abc
import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import FdbEntry, InterfaceAddress, KernelState, Neighbour, Route
from emulator.overlays.calico.resources import Node
from emulator.overlays.model import Network

PROTOCOL = "80"
"""The routing protocol number of Felix's routes to blocks (``DefaultRouteProto``)."""
VNI, PORT = 4096, 4789


class Tunnel(abc.ABC):
    """A kind of tunnel, on one host, in one family of addresses; nodes are as that family reaches them."""

    kind: ClassVar[str]
    """The kind in Calico's pools and in the names of handles: ``ipip`` or ``vxlan``."""
    device: ClassVar[str]
    overhead_bytes: ClassVar[int]
    handle: ClassVar[str]
    """The beginning of the handle of the tunnel's address."""
    purpose: ClassVar[str]
    """The word for the tunnel's address in the address management."""
    family: ClassVar[int] = 4

    def ensure_device(self, kernel: Handle, state: KernelState, own: Node, mtu_bytes: int) -> None:
        """Make the device with the host's tunnel address, or mend it; ``state`` is the kernel's current state."""
        if not any(link.name == self.device for link in state.links):
            self.add_device(kernel, own.address, self.mac(own.name), mtu_bytes)
            state = KernelState()
        wanted = InterfaceAddress(self.device, f"{own.tunnel}/{32 if self.family == 4 else 128}")
        present = [item for item in state.addresses if item.interface == self.device]
        for item in present:
            if item != wanted:
                kernel.remove_address(item)
        if wanted not in present:
            kernel.add_address(wanted)
        if not any(link.name == self.device and link.is_up for link in state.links):
            kernel.set_up(self.device, mtu_bytes=mtu_bytes)

    def remove_device(self, kernel: Handle) -> None:
        """Remove the device. The kernel keeps a `tunl0` that it made itself."""
        if kernel.has_link(self.device):
            with contextlib.suppress(NetlinkError):
                kernel.delete_link(self.device)

    def mac(self, host: str) -> str | None:  # noqa: ARG002 - for tunnels of Ethernet
        """Return the MAC address of the device of a host; None if it has none."""
        return None

    @abc.abstractmethod
    def add_device(self, kernel: Handle, address: str, mac: str | None, mtu_bytes: int) -> None:
        """Make the device of a host with an address."""

    @abc.abstractmethod
    def entries(self, node: Node, blocks: Sequence[Network]) -> list[Entry]:
        """Return the entries that lead to the blocks of another host."""


class Ipip(Tunnel):
    """Packets in IP."""

    kind = "ipip"
    device = "tunl0"
    handle, purpose = "ipip-tunnel-addr", "ipipTunnelAddress"
    overhead_bytes = 20

    def add_device(self, kernel: Handle, address: str, mac: str | None, mtu_bytes: int) -> None:  # noqa: ARG002
        """Make the device; the source of its packets is the one that the underlay's routes name."""
        kernel.add_ipip(self.device, mtu_bytes=mtu_bytes)

    def entries(self, node: Node, blocks: Sequence[Network]) -> list[Entry]:
        """Return a route to each block, whose gateway is the end of the tunnel."""
        return [Route(str(block), self.device, node.address, flags=("onlink",), protocol=PROTOCOL) for block in blocks]


class Vxlan(Tunnel):
    """Ethernet frames in UDP."""

    kind = "vxlan"
    device = "vxlan.calico"
    handle, purpose = "vxlan-tunnel-addr", "vxlanTunnelAddress"
    overhead_bytes = 50
    """The inner Ethernet header (14), and IP (20), UDP (8) and VXLAN (8)."""

    def mac(self, host: str) -> str | None:
        """Return the MAC address that Felix computes from a host's name."""
        return (b"f" + hashlib.sha1(host.encode(), usedforsecurity=False).digest()[:5]).hex(":")

    def add_device(self, kernel: Handle, address: str, mac: str | None, mtu_bytes: int) -> None:
        """Make the device."""
        kernel.add_vxlan(self.device, vni=VNI, port=PORT, local=address, mac=mac or "", mtu_bytes=mtu_bytes)
        with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where sysctls are read-only
            Path(f"/proc/sys/net/ipv6/conf/{self.device}/accept_ra").write_text("0")

    def entries(self, node: Node, blocks: Sequence[Network]) -> list[Entry]:
        """Return a neighbour and an FDB entry for the other end, and a route to each block, which comes last."""
        if node.tunnel is None:
            return []
        mac = node.tunnel_mac or self.mac(node.name) or ""
        return [
            Neighbour(self.device, node.tunnel, mac),
            FdbEntry(self.device, mac, node.address),
            *(Route(str(it), self.device, node.tunnel, flags=("onlink",), protocol=PROTOCOL) for it in blocks),
        ]


class Ipv6Vxlan(Vxlan):
    """Ethernet frames in UDP over IPv6, for IPv6."""

    device = "vxlan-v6.calico"
    overhead_bytes = 70
    """The inner Ethernet header (14), and IPv6 (40), UDP (8) and VXLAN (8)."""
    handle, purpose = "vxlan-v6-tunnel-addr", "vxlanV6TunnelAddress"
    family = 6

    def mac(self, host: str) -> str | None:
        """Return the MAC address that Felix computes from a host's name and ``-v6`` (``vtepMACForHost``)."""
        return super().mac(f"{host}-v6")


IPV6_TUNNELS: Mapping[str, type[Tunnel]] = {"vxlan": Ipv6Vxlan}
"""The kinds of tunnels for IPv6, by the variant that has them."""
TUNNELS: Mapping[str, type[Tunnel]] = {kind.kind: kind for kind in (Ipip, Vxlan)}
"""The kinds of tunnels, by the variant that has them."""
