"""Flannel's backend `host-gw`: a route to each other host's subnet, and nothing around the packets.

As in `pkg/backend/hostgw` of flannel 0.28, with one deviation: flannel writes `SUBNET via PublicIP`, for all its hosts
are in one Ethernet. Here a host's own address is some circuits away, so the gateway is the next host towards it: of two
hosts that share a circuit, the other's address on that. The hosts between have a route of their own to the subnet.
"""

from __future__ import annotations

from ipaddress import IPv4Network

from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry
from emulator.netlink.state import KernelState, Route
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease


class HostGw(Backend):
    """Plain routes."""

    type = lease_type = "host-gw"
    overhead_bytes = 0

    def ensure(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """There is no device."""

    def data(self) -> str:
        """Nothing: the address says all."""
        return ""

    def reach(self, peer: Lease) -> list[Entry]:
        """A route; none while no circuit leads there: one that goes down takes its routes along."""
        try:
            way = self.kernel.route_to(peer.public_ip)
        except NetlinkError:
            return []
        # no gateway leads to a neighbour, as a `flanneld` is that gives its interface's address: it is one itself
        return [Route(str(peer.subnet), way.interface, way.gateway or peer.public_ip)]

    def owns(self, entry: Entry) -> bool:
        """Routes into the containers' network that name a gateway."""
        if not isinstance(entry, Route) or entry.gateway is None:
            return False
        return IPv4Network(entry.destination).subnet_of(self.here.network)

    def remove(self) -> None:
        """Nothing is left when the routes are gone."""
