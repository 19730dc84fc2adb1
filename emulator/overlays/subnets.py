"""The common part of overlays that route a subnet to each host: bridges, and the containers on them.

A host's containers are on a bridge, which has the first address of the host's subnet and is their gateway, as the CNI
plugin `bridge` sets them up. MAC addresses are computed from IP addresses, so that two runs have the same.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import ClassVar

from emulator.docker.containers import ContainerDaemons, bridge_options
from emulator.docker.model import BRIDGE_NETWORK
from emulator.lab.containers import Attachment, Container, Runtime
from emulator.lab.lab import Lab
from emulator.lab.underlay import empty_namespace
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState, Route, difference, read
from emulator.overlays.base import Overlay
from emulator.overlays.model import Network, OverlaySpec
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError
from gtsdsl.topology.addresses import link_local

SUBNET_BITS, IPV6_SUBNET_BITS = 24, 64
"""The prefix lengths of a host's subnets, which are flannel's defaults."""
BRIDGE = "cni0"
DEFAULT_ROUTES = ("0.0.0.0/0", "::/0")
"""The destinations of default routes, of IPv4 and of IPv6."""
_INTERFACE = "eth0"
_MAC_PREFIX, _PORT_MAC_PREFIX = "0a:58", "0a:59"


class SubnetOverlay(Overlay):
    """An overlay that routes a subnet to each host.

    A subclass says which subnet a host has (`subnet`), and delivers packets between the subnets (`bring_up`).
    """

    min_subnets: ClassVar[int] = 0
    """The least number of subnets that the subnet pool must have room for."""

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        self._states_before: dict[str, KernelState] = {}
        self._address_counts: dict[str, int] = {}
        self.docker = ContainerDaemons(lab, spec.image)

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """Yield a sentence if the subnet pool is too small for a subnet on each host."""
        hosts = len(spec.hosts)
        # the first subnet stays free, as with flannel: its network address is that of the whole pool
        needed = max(hosts + 1, cls.min_subnets)
        for pool, bits in zip(pools(spec), (SUBNET_BITS, IPV6_SUBNET_BITS), strict=False):
            if 2.0 ** (bits - pool.prefixlen) < needed:
                yield f"the containers' network {pool} is too small: {hosts} hosts need {needed} subnets of /{bits}"

    @abc.abstractmethod
    def bring_up(self, host: str) -> None:
        """Start the overlay on a host and return before it is ready; after a stop or a crash, resume.

        Raises:
            EmulationError: a part of the overlay cannot be started.
        """

    @abc.abstractmethod
    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet of a host, which must be ready. The bridge has the address after the network address."""

    def subnets(self, host: str) -> tuple[Network, ...]:
        """Return the subnet of a host, and its subnet of IPv6 if the overlay has IPv6."""
        return (self.subnet(host), *numbered_subnets(self.spec, host)[1:])

    def start(self, host: str) -> None:
        """Start the overlay on a host, after recording the kernel's state for `state`."""
        if host not in self._states_before:
            self._states_before[host] = read(self.namespace(host))
        self.bring_up(host)

    def attach(self, container: Container) -> Attachment:
        """Start a container with an address in its host's subnet."""
        return _ATTACH[self.spec.runtime](self, container)

    def state(self, host: str) -> KernelState:
        """Return what the kernel has and did not have before the overlay's start."""
        return difference(read(self.namespace(host)), self._states_before.get(host, KernelState()))

    def next_addresses(self, host: str) -> tuple[IPv4Address | IPv6Address, ...]:
        """Return an unused address in each of a host's subnets for one more container.

        Raises:
            EmulationError: all addresses are in use.
        """
        number = self._address_counts[host] = self._address_counts.get(host, 0) + 1
        subnet = self.subnet(host)
        if number + 2 >= subnet.num_addresses:
            raise EmulationError(f"the subnet {subnet} of {host} has no free address for another container")
        return tuple(subnet[number + 1] for subnet in self.subnets(host))


def pools(spec: OverlaySpec) -> tuple[Network, ...]:
    """Return the network of all containers, and that of their IPv6 addresses if they have any."""
    ipv4 = IPv4Network(spec.subnet_pool)
    return (ipv4,) if spec.ipv6_pool is None else (ipv4, IPv6Network(spec.ipv6_pool))


def host_number(spec: OverlaySpec, host: str) -> int:
    """Return a host's number in an overlay, counted from 1."""
    return spec.hosts.index(host) + 1


def numbered_subnet(spec: OverlaySpec, host: str) -> IPv4Network:
    """Return the subnet of a host's number. The first subnet of the pool has number 0 and stays free."""
    return IPv4Network(numbered_subnets(spec, host)[0])


def numbered_subnets(spec: OverlaySpec, host: str) -> tuple[Network, ...]:
    """Return the same of each of the overlay's pools: of IPv4, and of IPv6 if it has IPv6."""
    found: list[Network] = []
    for pool, bits in zip(pools(spec), (SUBNET_BITS, IPV6_SUBNET_BITS), strict=False):
        size = 2 ** (pool.max_prefixlen - bits)
        found.append(type(pool)((int(pool.network_address) + host_number(spec, host) * size, bits)))
    return tuple(found)


def mac_of(prefix: str, address: str | IPv4Address | IPv6Address) -> str:
    """Return the MAC address of a prefix of two bytes (``0a:58``) and the last four bytes of an address."""
    return f"{prefix}:{ip_address(address).packed[-4:].hex(':')}"


def _attach_process(overlay: SubnetOverlay, container: Container) -> Attachment:
    """Make a namespace with a veth pair into the host's bridge."""
    host = container.host
    subnets, addresses = overlay.subnets(host), overlay.next_addresses(host)
    mtu_bytes = overlay.mtu_bytes(host)
    gateways = [subnet[1] for subnet in subnets]
    address = addresses[0]
    namespace = empty_namespace()
    try:
        port = f"veth{int(address) - int(gateways[0])}"
        with Handle(overlay.namespace(host)) as kernel:
            if not kernel.has_link(BRIDGE):
                kernel.add_bridge(BRIDGE, mac=mac_of(_MAC_PREFIX, gateways[0]), mtu_bytes=mtu_bytes)
                for own in _own_addresses(gateways, subnets):
                    kernel.add_address(InterfaceAddress(BRIDGE, own))
            kernel.add_veth(
                port,
                mac=mac_of(_PORT_MAC_PREFIX, address),
                peer=_INTERFACE,
                peer_namespace=namespace,
                peer_mac=mac_of(_MAC_PREFIX, address),
                mtu_bytes=mtu_bytes,
            )
            kernel.set_up(port, master=BRIDGE)
        with Handle(namespace) as kernel:
            for own in _own_addresses(addresses, subnets):
                kernel.add_address(InterfaceAddress(_INTERFACE, own))
            kernel.set_up(_INTERFACE)
            for gateway, destination in zip(gateways, DEFAULT_ROUTES, strict=False):
                kernel.put(Route(destination, _INTERFACE, str(gateway)))
    except BaseException:
        os.close(namespace)
        raise
    return Attachment(namespace, str(address), ipv6_address=str(addresses[1]) if addresses[1:] else None)


def _own_addresses(addresses: Sequence[IPv4Address | IPv6Address], subnets: Sequence[Network]) -> Iterator[str]:
    """Yield the addresses of an interface, with their prefix lengths; with IPv6, a link-local address comes last.

    Without it, the kernel could not ask for a neighbour's MAC address.
    """
    for address, subnet in zip(addresses, subnets, strict=True):
        yield f"{address}/{subnet.prefixlen}"
    if addresses[1:]:
        yield link_local(mac_of(_MAC_PREFIX, addresses[0]))


def _attach_docker(overlay: SubnetOverlay, container: Container) -> Attachment:
    """Run a container by a `dockerd` whose bridge, `docker0`, has the host's subnet."""
    options = bridge_options(overlay.subnets(container.host), overlay.mtu_bytes(container.host))
    return overlay.docker.attach(container, BRIDGE_NETWORK, options)


_ATTACH: Mapping[Runtime, Callable[[SubnetOverlay, Container], Attachment]] = {
    "process": _attach_process,
    "docker": _attach_docker,
}
"""The function that attaches a container, by runtime."""
