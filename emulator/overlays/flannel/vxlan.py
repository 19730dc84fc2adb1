"""Flannel's backend `vxlan`: a VXLAN interface, and a neighbour, an FDB entry and a route for each other host.

IPv6 has an interface of its own, whose tunnels lead over IPv6. The backend follows `pkg/backend/vxlan` of flannel 0.28,
with two deviations:

- flannel binds the VXLAN interface to one external interface (``VtepDevIndex``), which all its packets leave through.
  A host here has several circuits, and its routes choose among them. So the interface is not bound, and its local
  address is the host's own, which is reachable over all circuits.
- flannel gives the interface a random MAC address. Here it is computed from the host's address, so that two runs have
  the same.
"""

from __future__ import annotations

import contextlib
import json
import re
from pathlib import Path

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import FdbEntry, KernelState, Link, Neighbour, Route
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network
from emulator.overlays.subnets import mac_of

VNI = 1
PORT = 8472
"""The default port of Linux and of flannel, which is older than IANA's 4789."""
DEVICE, IPV6_DEVICE = f"flannel.{VNI}", f"flannel-v6.{VNI}"
_ACCEPT_RA = "/proc/sys/net/ipv6/conf/{}/accept_ra"
"""The sysctl, in the process's namespace, that lets routers configure a device's addresses and routes."""
_MAC_PREFIX, _IPV6_MAC_PREFIX = "0e:f1", "0e:f6"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Vxlan(Backend):
    """Ethernet frames in UDP, wrapped by the kernel."""

    type = lease_type = "vxlan"
    overhead_bytes = 50
    """The inner Ethernet header (14), and IP (20), UDP (8) and VXLAN (8)."""
    ipv6_overhead_bytes = 70
    """The same, with IPv6 (40) in place of IP."""

    @property
    def device(self) -> str:
        """The name of the interface."""
        return IPV6_DEVICE if self.host.is_ipv6 else DEVICE

    def ensure_device(self, state: KernelState, subnet: Network | None) -> None:
        """Make `device`; replace a device of this name with other settings."""
        existing = [link for link in state.links if link.name == self.device]
        if existing and not self._has_settings(existing[0]):
            self.kernel.delete_link(self.device)
            existing, state = [], KernelState()
        if not existing:
            family = self.host.network.version
            mtu_bytes = device_mtu_bytes(self.mtu_bytes, self.host.interface_mtu_bytes, family)
            add_vxlan(self.kernel, self.host.public_ip, mtu_bytes)
            with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where sysctls are read-only
                Path(_ACCEPT_RA.format(self.device)).write_text("0")
        if subnet is not None:
            set_address(self.kernel, state, self.device, subnet, self.host.network)

    def lease_data(self) -> str:
        """Return the VNI and the MAC address of the device."""
        return json.dumps({"VNI": VNI, "VtepMAC": self._mac})

    def entries(self, peer: Lease) -> list[Entry]:
        """Return the neighbour and the FDB entry with the peer's MAC address, and the route, which is written last."""
        mac = _vtep_mac(peer.data)
        if mac is None:
            return []
        gateway = str(peer.subnet.network_address)
        return [
            Neighbour(self.device, gateway, mac),
            FdbEntry(self.device, mac, peer.public_ip),
            Route(str(peer.subnet), self.device, gateway, flags=("onlink",)),
        ]

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is on the device."""
        return entry.interface == self.device

    def remove_device(self) -> None:
        """Remove the device."""
        if self.kernel.has_link(self.device):
            self.kernel.delete_link(self.device)

    @property
    def _mac(self) -> str:
        return _mac_of(self.host.public_ip)

    def _has_settings(self, link: Link) -> bool:
        wanted = {"vni": VNI, "port": PORT, "local": self.host.public_ip, "learning": False}
        return link.mac == self._mac and wanted.items() <= dict(link.details).items()


def device_mtu_bytes(container_mtu_bytes: int, interface_mtu_bytes: int, family: int) -> int:
    """Return the MTU of the VXLAN interface of a family of addresses.

    flannel asks for the containers' MTU in both families. The kernel gives an interface that is bound to another one
    at most what the other one lets through.
    """
    overhead_bytes = Vxlan.ipv6_overhead_bytes if family == 6 else Vxlan.overhead_bytes
    return min(container_mtu_bytes, interface_mtu_bytes - overhead_bytes)


def add_vxlan(kernel: Handle, public_ip: str, mtu_bytes: int) -> None:
    """Make the VXLAN interface of a host with the address ``public_ip``, of either family."""
    name = IPV6_DEVICE if ":" in public_ip else DEVICE
    kernel.add_vxlan(name, vni=VNI, port=PORT, local=public_ip, mac=_mac_of(public_ip), mtu_bytes=mtu_bytes)


def _mac_of(public_ip: str) -> str:
    return mac_of(_IPV6_MAC_PREFIX if ":" in public_ip else _MAC_PREFIX, public_ip)


def _vtep_mac(data: str) -> str | None:
    """Return the MAC address in a lease's data; None if it is missing or of another VNI."""
    fields = json.loads(data or "null")
    if not isinstance(fields, dict) or fields.get("VNI") != VNI:
        return None
    text = str(fields.get("VtepMAC")).lower()
    return text if _MAC.fullmatch(text) else None
