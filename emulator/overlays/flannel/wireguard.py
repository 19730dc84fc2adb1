"""Flannel's backend `wireguard`: a WireGuard interface, of which each other host is a peer with its subnet.

As in `pkg/backend/wireguard` of flannel 0.28, its mode `separate`. flannel makes the interface anew whenever it starts;
here it stays, with its key, so that an agent that is started again interrupts nobody.
"""

from __future__ import annotations

import base64
import json
import os
import re
from ipaddress import IPv4Network

from emulator.netlink.handle import Entry
from emulator.netlink.state import KernelState, Route, TunnelPeer, read_here
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.leases import Lease

DEVICE = "flannel-wg"
PORT = 51820
_KEY_BYTES = 32
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")


class WireGuard(Backend):
    """Packets, encrypted, in UDP, by the kernel."""

    type = lease_type = "wireguard"
    overhead_bytes = 80
    """As for IPv6 (40), UDP (8), and WireGuard (32); flannel has one figure for both."""

    def ensure(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """Have `DEVICE`, with the host's key."""
        if not any(link.name == DEVICE for link in state.links):
            self.kernel.add_wireguard(DEVICE, mtu_bytes=self.mtu_bytes)
            self.kernel.set_wireguard(DEVICE, private_key=self._private_key(), port=PORT)
        if subnet is not None:
            set_address(self.kernel, state, DEVICE, subnet, self.here.network)

    def data(self) -> str:
        """The public key, which the kernel derives from the private one, and the port."""
        (found,) = (link for link in read_here().links if link.name == DEVICE)
        return json.dumps({"PublicKey": dict(found.details)["public_key"], "Port": PORT})

    def common(self) -> list[Entry]:
        """The route to all containers."""
        return [Route(str(self.here.network), DEVICE, scope="link")]

    def reach(self, peer: Lease) -> list[Entry]:
        """The peer: among them, WireGuard chooses by their subnets."""
        known = _key_and_port(peer.data)
        if known is None:
            return []
        key, port = known
        return [TunnelPeer(DEVICE, f"{peer.public_ip}:{port}", key, (str(peer.subnet),))]

    def owns(self, entry: Entry) -> bool:
        """All that is on the device."""
        return entry.interface == DEVICE

    def remove(self) -> None:
        """Remove the device; the key stays, as for a flannel that is stopped."""
        if self.kernel.has_link(DEVICE):
            self.kernel.delete_link(DEVICE)

    def _private_key(self) -> str:
        path = self.here.folder / "wgkey"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "w") as file:
                file.write(base64.b64encode(os.urandom(_KEY_BYTES)).decode())
        return path.read_text()


def _key_and_port(data: str) -> tuple[str, int] | None:
    """The public key and the port of a lease's data; None if there are none."""
    fields = json.loads(data or "null")
    key, port = (fields.get("PublicKey"), fields.get("Port", PORT)) if isinstance(fields, dict) else (None, None)
    if not isinstance(key, str) or not _KEY.fullmatch(key) or not isinstance(port, int) or not 0 < port < 2**16:
        return None
    return key, port
