"""Flannel's backend `host-gw`: a route to each other host's subnet, without a tunnel.

It follows `pkg/backend/hostgw` of flannel 0.28, with one deviation. flannel's hosts share an Ethernet, so it writes
`SUBNET via PublicIP`. Here another host's own address may be several circuits away, so the gateway is the address of
the next host on the way, on the circuit to it. The hosts on the way have their own routes to the subnet.
"""

from __future__ import annotations

from ipaddress import ip_network

from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Entry
from emulator.netlink.state import KernelState, Route
from emulator.overlays.flannel.backend import Backend
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network


class HostGw(Backend):
    """Routes through the other hosts as gateways."""

    type = lease_type = "host-gw"
    overhead_bytes = ipv6_overhead_bytes = 0

    def ensure_device(self, state: KernelState, subnet: Network | None) -> None:
        """Do nothing: the backend has no device."""

    def lease_data(self) -> str:
        """Return an empty text: the lease's address is enough."""
        return ""

    def entries(self, peer: Lease) -> list[Entry]:
        """Return the route to a peer; none while no circuit leads there, because the kernel would refuse it."""
        try:
            route = self.kernel.route_to(peer.public_ip)
        except NetlinkError:
            return []
        # without a gateway, the peer is a neighbour: a `flanneld` may lease with its interface's address
        return [Route(str(peer.subnet), route.interface, route.gateway or peer.public_ip)]

    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is a route into the containers' network with a gateway."""
        if not isinstance(entry, Route) or entry.gateway is None:
            return False
        destination = ip_network(entry.destination)
        return destination.version == self.host.network.version and destination.network_address in self.host.network

    def remove_device(self) -> None:
        """Do nothing: the backend has no device."""
