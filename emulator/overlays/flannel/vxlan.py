"""Flannel's backend `vxlan`: a VXLAN interface, and for each other host a neighbour, an FDB entry and a route.

As in `pkg/backend/vxlan` of flannel 0.28, with two deviations:

- flannel binds the interface to one external interface (``VtepDevIndex``), by which all its packets then leave. A host
  here has a circuit to each other, and the routes decide: the interface is bound to none, and its local address is the
  host's own, which is reached over all circuits.
- flannel draws the interface's MAC address by lot. Here it goes with the host's address, so that two runs are the same.
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
"""Linux's own default, older than IANA's 4789; flannel leaves it as it is."""
DEVICE = f"flannel.{VNI}"
_ACCEPT_RA = Path(f"/proc/sys/net/ipv6/conf/{DEVICE}/accept_ra")
"""Of the namespace that the process is in: whether a router may say what addresses and routes the device gets."""
_MAC_PREFIX = "0e:f1"
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Vxlan(Backend):
    """Frames in UDP, by the kernel."""

    type = lease_type = "vxlan"
    overhead_bytes = 50
    """The inner Ethernet header (14), and IP (20), UDP (8) and VXLAN (8)."""

    def ensure(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """Have `DEVICE`; one that is there but for something else is made anew."""
        found = [link for link in state.links if link.name == DEVICE]
        if found and not self._is_ours(found[0]):
            self.kernel.delete_link(DEVICE)
            found, state = [], KernelState()
        if not found:
            add_vxlan(self.kernel, self.here.public_ip, self.mtu_bytes)
            with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine that lets nobody write there
                _ACCEPT_RA.write_text("0")
        if subnet is not None:
            set_address(self.kernel, state, DEVICE, subnet, self.here.network)

    def data(self) -> str:
        """The VNI, and the MAC address of the device."""
        return json.dumps({"VNI": VNI, "VtepMAC": self._mac})

    def reach(self, peer: Lease) -> list[Entry]:
        """The MAC address of the other's device, where frames to that go, and the route, which comes last."""
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
        """All that is on the device."""
        return entry.interface == DEVICE

    def remove(self) -> None:
        """Remove the device."""
        if self.kernel.has_link(DEVICE):
            self.kernel.delete_link(DEVICE)

    @property
    def _mac(self) -> str:
        return mac_of(_MAC_PREFIX, self.here.public_ip)

    def _is_ours(self, link: Link) -> bool:
        wanted = {"vni": VNI, "port": PORT, "local": self.here.public_ip, "learning": False}
        return link.mac == self._mac and wanted.items() <= dict(link.details).items()


def add_vxlan(kernel: Handle, public_ip: str, mtu_bytes: int) -> None:
    """Make the device."""
    mac = mac_of(_MAC_PREFIX, public_ip)
    kernel.add_vxlan(DEVICE, vni=VNI, port=PORT, local=public_ip, mac=mac, mtu_bytes=mtu_bytes)


def _vtep_mac(data: str) -> str | None:
    """The MAC address of a lease's data; None if there is none of this VNI."""
    fields = json.loads(data or "null")
    if not isinstance(fields, dict) or fields.get("VNI") != VNI:
        return None
    text = str(fields.get("VtepMAC")).lower()
    return text if _MAC.fullmatch(text) else None
