"""The interfaces of a container and of its host to each other, as Calico's CNI plugin makes them.

A container has a single address (/32), a default route by 169.254.1.1, and a permanent neighbour for that
address. Calico writes no such neighbour, because a host answers each ARP request of its containers (proxy ARP). The
kernel does so only for addresses that it has a route to, and the hosts of a testbed have no default route.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from emulator.lab.containers import Container
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Neighbour, Route
from emulator.overlays.calico.felix import INTERFACE_PREFIX
from emulator.overlays.calico.resources import ENDPOINT
from emulator.overlays.subnets import mac_of

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


def interface_of(container: Container) -> str:
    """Return the name of the host's interface to a container."""
    return f"{INTERFACE_PREFIX}{container.name[:_NAME_LENGTH]}"


def mac_of_container(address: str) -> str:
    """Return the MAC address of a container, which follows from its address, so that two runs have the same."""
    return mac_of(_MAC_PREFIX, address)


def join(host: int, namespace: int, interface: str, address: str, mtu_bytes: int) -> None:
    """Make the interfaces of a container in ``namespace`` and of its host in ``host``, both descriptors.

    Raises:
        EmulationError: the kernel refuses.
    """
    with Handle(host) as kernel:
        if kernel.has_link(interface):
            kernel.delete_link(interface)
        kernel.add_veth(
            interface,
            mac=GATEWAY_MAC,
            peer=ENDPOINT,
            peer_namespace=namespace,
            peer_mac=mac_of_container(address),
            mtu_bytes=mtu_bytes,
        )
        with namespaces.entered(host):
            for name, value in _SYSCTLS.items():
                with contextlib.suppress(OSError):  # a kernel without IPv6, or a machine where sysctls are read-only
                    Path("/proc/sys/net", name.format(interface)).write_text(value)
        kernel.set_up(interface)
        kernel.put(Route(f"{address}/32", interface, scope="link"))
    with Handle(namespace) as kernel:
        kernel.set_up(ENDPOINT)
        kernel.put(Route(f"{GATEWAY}/32", ENDPOINT, scope="link"))
        kernel.put(Neighbour(ENDPOINT, GATEWAY, GATEWAY_MAC))
        kernel.put(Route("0.0.0.0/0", ENDPOINT, GATEWAY))
        kernel.add_address(InterfaceAddress(ENDPOINT, f"{address}/32"))
