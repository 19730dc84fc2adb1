"""Flannel's backend `wireguard`: a WireGuard interface, in which each other host is a peer with its subnet.

IPv6 has an interface of its own, with the same key, whose tunnels lead over IPv6.

It follows the mode `separate` of `pkg/backend/wireguard` of flannel 0.28, with one deviation. flannel replaces the
interface at each start. Here the interface stays, with its key, so that the restart of an agent interrupts no traffic.
"""

from __future__ import annotations

import base64
import json
import os
import re

from emulator.netlink.handle import Entry
from emulator.netlink.state import KernelState, Route, TunnelPeer, endpoint_text, read_here
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network

DEVICE, IPV6_DEVICE = "flannel-wg", "flannel-wg-v6"
PORT, IPV6_PORT = 51820, 51821
_KEY_BYTES = 32
_KEY = re.compile(r"[A-Za-z0-9+/]{43}=")


class WireGuard(Backend):
    """Encrypted packets in UDP, wrapped by the kernel."""

    type = lease_type = "wireguard"
    overhead_bytes = ipv6_overhead_bytes = 80
    """IPv6 (40), UDP (8) and WireGuard (32); flannel subtracts as much for IPv4."""

    @property
    def device(self) -> str:
        """The name of the interface."""
        return IPV6_DEVICE if self.host.is_ipv6 else DEVICE

    @property
    def port(self) -> int:
        """The UDP port that the interface listens on."""
        return IPV6_PORT if self.host.is_ipv6 else PORT

    def ensure_device(self, state: KernelState, subnet: Network | None) -> None:
        """Make `device` with the host's private key."""
        if not any(link.name == self.device for link in state.links):
            self.kernel.add_wireguard(self.device, mtu_bytes=self.mtu_bytes)
            self.kernel.set_wireguard(self.device, private_key=self._private_key(), port=self.port)
        if subnet is not None:
            set_address(self.kernel, state, self.device, subnet, self.host.network)

    def lease_data(self) -> str:
        """Return the public key, which the kernel derives from the private one, and the port."""
        (device,) = (link for link in read_here().links if link.name == self.device)
        return json.dumps({"PublicKey": dict(device.details)["public_key"], "Port": self.port})

    def common_entries(self) -> list[Entry]:
        """Return the route to the network of all containers."""
        # IPv6 has no scopes of routes
        return [Route(str(self.host.network), self.device, scope="global" if self.host.is_ipv6 else "link")]

    def entries(self, peer: Lease) -> list[Entry]:
        """Return the WireGuard peer; WireGuard chooses among its peers by their subnets."""
        parsed = _key_and_port(peer.data, self.port)
        if parsed is None:
            return []
        key, port = parsed
        return [TunnelPeer(self.device, endpoint_text(peer.public_ip, port), key, (str(peer.subnet),))]

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is on the device."""
        return entry.interface == self.device

    def remove_device(self) -> None:
        """Remove the device; the key's file stays, as after a stop of flannel."""
        if self.kernel.has_link(self.device):
            self.kernel.delete_link(self.device)

    def _private_key(self) -> str:
        path = self.host.folder / "wgkey"
        if not path.exists():
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400)
            with os.fdopen(descriptor, "w") as file:
                file.write(base64.b64encode(os.urandom(_KEY_BYTES)).decode())
        return path.read_text()


def _key_and_port(data: str, default_port: int) -> tuple[str, int] | None:
    """Return the public key and the port in a lease's data; None if they are missing or malformed."""
    fields = json.loads(data or "null")
    found = (fields.get("PublicKey"), fields.get("Port", default_port)) if isinstance(fields, dict) else (None, None)
    key, port = found
    if not isinstance(key, str) or not _KEY.fullmatch(key) or not isinstance(port, int) or not 0 < port < 2**16:
        return None
    return key, port
