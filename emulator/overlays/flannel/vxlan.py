"""Flannel's backend `vxlan`: a VXLAN interface, and a neighbour, an FDB entry and a route for each other host.

It follows `pkg/backend/vxlan` of flannel 0.28, with two deviations:

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
from ipaddress import IPv4Network
from pathlib import Path

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import FdbEntry, KernelState, Link, Neighbour, Route
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.subnets import mac_of

VNI = 1
PORT = 8472
"""The default port of Linux and of flannel, which is older than IANA's 4789."""
DEVICE = f"flannel.{VNI}"
_ACCEPT_RA = Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/accept_ra")
"""The sysctl, in the process's namespace, that lets routers configure the device's addresses and routes."""
_MAC_PREFIX = "0e:f1"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Vxlan(Backend):
    """Ethernet frames in UDP, wrapped by the kernel."""

    type = lease_type = "vxlan"
    overhead_bytes = 50
    """The inner Ethernet header (14), and IP (20), UDP (8) and VXLAN (8)."""

    def ensure_device(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """Make `DEVICE`; replace a device of this name with other settings."""
        existing = [link for link in state.links if link.name == DEVICE]
        if existing and not self._has_settings(existing[0]):
            self.kernel.delete_link(DEVICE)
            existing, state = [], KernelState()
        if not existing:
            add_vxlan(self.kernel, self.host.public_ip, self.mtu_bytes)
            with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where sysctls are read-only
                _ACCEPT_RA.write_text("0")
        if subnet is not None:
            set_address(self.kernel, state, DEVICE, subnet, self.host.network)

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
            Neighbour(DEVICE, gateway, mac),
            FdbEntry(DEVICE, mac, peer.public_ip),
            Route(str(peer.subnet), DEVICE, gateway, flags=("onlink",)),
        ]

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is on the device."""
        return entry.interface == DEVICE

    def remove_device(self) -> None:
        """Remove the device."""
        if self.kernel.has_link(DEVICE):
            self.kernel.delete_link(DEVICE)

    @property
    def _mac(self) -> str:
        return mac_of(_MAC_PREFIX, self.host.public_ip)

    def _has_settings(self, link: Link) -> bool:
        wanted = {"vni": VNI, "port": PORT, "local": self.host.public_ip, "learning": False}
        return link.mac == self._mac and wanted.items() <= dict(link.details).items()


def add_vxlan(kernel: Handle, public_ip: str, mtu_bytes: int) -> None:
    """Make the VXLAN interface of a host with the address ``public_ip``."""
    mac = mac_of(_MAC_PREFIX, public_ip)
    kernel.add_vxlan(DEVICE, vni=VNI, port=PORT, local=public_ip, mac=mac, mtu_bytes=mtu_bytes)


def _vtep_mac(data: str) -> str | None:
    """Return the MAC address in a lease's data; None if it is missing or of another VNI."""
    fields = json.loads(data or "null")
    if not isinstance(fields, dict) or fields.get("VNI") != VNI:
        return None
    text = str(fields.get("VtepMAC")).lower()
    return text if _MAC.fullmatch(text) else None
