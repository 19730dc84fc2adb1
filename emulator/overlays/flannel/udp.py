"""Flannel's backend `udp`: a TUN interface, to which the kernel routes the containers' network, and a forwarder.

It follows `pkg/backend/udp` of flannel 0.28. As in flannel, the agent itself forwards the packets, so no packet passes
while the agent is stopped.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Sequence
from ipaddress import IPv4Network

from emulator.lab.log import log
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, Route
from emulator.netlink.tun import open_tun
from emulator.overlays.flannel.backend import Backend, LocalHost
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.forwarder import Forwarder
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network

DEVICE = "flannel0"
PORT = 8285


class Udp(Backend):
    """Packets in UDP, wrapped by a thread of the agent."""

    type = "udp"
    lease_type = ""
    overhead_bytes = 28
    """IP (20) and UDP (8)."""
    ipv6_overhead_bytes = 0
    """0, because the backend carries no IPv6."""

    def __init__(self, host: LocalHost, kernel: Handle) -> None:
        super().__init__(host, kernel)
        self._forwarder: Forwarder | None = None

    def ensure_device(self, state: KernelState, subnet: Network | None) -> None:
        """Make `DEVICE` and start its forwarder; without a subnet, do nothing, as ICMP needs an address."""
        if subnet is None or self._forwarder is not None:
            return
        tun = open_tun(DEVICE, takes_runs=True)
        set_address(self.kernel, state, DEVICE, subnet, self.host.network)
        self.kernel.set_up(DEVICE, mtu_bytes=self.mtu_bytes)
        tunnel = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tunnel.bind((self.host.public_ip, PORT))
        self._forwarder = Forwarder(tun, tunnel, self.mtu_bytes, str(subnet.network_address))
        threading.Thread(target=_run, args=[self._forwarder], daemon=True).start()

    def lease_data(self) -> str:
        """Return an empty text: the lease's address is enough."""
        return ""

    def common_entries(self) -> list[Entry]:
        """Return the route to the network of all containers."""
        return [Route(str(self.host.network), DEVICE)]

    def entries(self, peer: Lease) -> list[Entry]:  # noqa: ARG002
        """Return no entries: the forwarder has its own table, see `set_peers`."""
        return []

    def set_peers(self, peers: Sequence[Lease]) -> None:
        """Give the forwarder the peers' subnets and addresses."""
        if self._forwarder is not None:
            self._forwarder.set_routes({IPv4Network(peer.subnet): (peer.public_ip, PORT) for peer in peers})

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is on the device."""
        return entry.interface == DEVICE

    def remove_device(self) -> None:
        """Do nothing: the kernel removes the device when the agent ends."""


def _run(forwarder: Forwarder) -> None:
    """Forward without end. On an error, such as a deleted device, end the agent, because no packet passes any more."""
    try:
        forwarder.run()
    except OSError as error:
        log(f"{DEVICE}: {error.strerror}")
    finally:
        os._exit(1)  # an exception would only end this thread
