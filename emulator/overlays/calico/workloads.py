"""The interfaces of a container and of its host to each other, as Calico's CNI plugin makes them.

A container has a single address (/32), a default route by 169.254.1.1, and a permanent neighbour for that
address. Calico writes no such neighbour, because a host answers each ARP request of its containers (proxy ARP). The
kernel does so only for addresses that it has a route to, and the hosts of a testbed have no default route.

With IPv6, a container has a /128 too, and a default route by the link-local address of the host's interface, as in
Calico.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from emulator.lab.containers import Container
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Neighbour, Route
from emulator.overlays.calico.felix import INTERFACE_PREFIX, route_to
from emulator.overlays.calico.resources import ENDPOINT, Workload
from emulator.overlays.subnets import DEFAULT_ROUTES, mac_of
from gtsdsl.topology.addresses import link_local

GATEWAY, GATEWAY_MAC = "169.254.1.1", "ee:ee:ee:ee:ee:ee"
_MAC_PREFIX = "0a:58"
_NAME_LENGTH = 11
_SYSCTLS = {
    "ipv4/conf/{}/route_localnet": "1",
    "ipv4/neigh/{}/proxy_delay": "0",
    "ipv4/conf/{}/proxy_arp": "1",
    "ipv4/conf/{}/forwarding": "1",
    "ipv6/conf/{}/accept_ra": "0",
}
"""The kernel parameters of a host's interface to a container."""
_IPV6_SYSCTLS = {"ipv6/conf/{}/proxy_ndp": "1", "ipv6/conf/{}/forwarding": "1"}
"""The same of a container with IPv6."""


def interface_of(container: Container) -> str:
    """Return the name of the host's interface to a container."""
    return f"{INTERFACE_PREFIX}{container.name[:_NAME_LENGTH]}"


def mac_of_container(address: str) -> str:
    """Return the MAC address of a container, which follows from its address, so that two runs have the same."""
    return mac_of(_MAC_PREFIX, address)


def join(host: int, namespace: int, workload: Workload, mtu_bytes: int) -> None:
    """Make the interfaces of a container in ``namespace`` and of its host in ``host``, both descriptors.

    Raises:
        EmulationError: the kernel refuses.
    """
    interface, has_ipv6 = workload.interface, workload.ipv6_address is not None
    with Handle(host) as kernel:
        if kernel.has_link(interface):
            kernel.delete_link(interface)
        kernel.add_veth(
            interface,
            mac=GATEWAY_MAC,
            peer=ENDPOINT,
            peer_namespace=namespace,
            peer_mac=workload.mac,
            mtu_bytes=mtu_bytes,
        )
        with namespaces.entered(host):
            for name, value in {**_SYSCTLS, **(_IPV6_SYSCTLS if has_ipv6 else {})}.items():
                with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where sysctls are read-only
                    Path("/proc/sys/net", name.format(interface)).write_text(value)
        kernel.set_up(interface)
        if has_ipv6:
            kernel.add_address(InterfaceAddress(interface, link_local(GATEWAY_MAC)))
        for network in workload.networks:
            kernel.put(route_to(network, interface))
    with Handle(namespace) as kernel:
        kernel.set_up(ENDPOINT)
        kernel.put(Route(f"{GATEWAY}/32", ENDPOINT, scope="link"))
        kernel.put(Neighbour(ENDPOINT, GATEWAY, GATEWAY_MAC))
        kernel.put(Route("0.0.0.0/0", ENDPOINT, GATEWAY))
        for network in workload.networks:
            kernel.add_address(InterfaceAddress(ENDPOINT, network))
        if has_ipv6:
            kernel.add_address(InterfaceAddress(ENDPOINT, link_local(workload.mac)))
            kernel.put(Route(DEFAULT_ROUTES[1], ENDPOINT, link_local(GATEWAY_MAC).partition("/")[0]))
