"""The common part of overlays that route a subnet to each host: bridges, and the containers on them.

A host's containers are on a bridge, which has the first address of the host's subnet and is their gateway, as the CNI
plugin `bridge` sets them up. MAC addresses are computed from IP addresses, so that two runs have the same.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import ClassVar

from emulator.docker.containers import ContainerDaemons, bridge_options
from emulator.docker.model import BRIDGE_NETWORK
from emulator.lab.containers import Attachment, Container, Runtime
from emulator.lab.lab import Lab
from emulator.lab.underlay import empty_namespace
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState, Route, difference, read
from emulator.overlays.base import Overlay
from emulator.overlays.model import OverlaySpec
from emulator.stores.etcd import Store
from emulator.system.errors import EmulationError

SUBNET_BITS = 24
"""The prefix length of a host's subnet, which is flannel's default."""
BRIDGE = "cni0"
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
        pool, hosts = IPv4Network(spec.subnet_pool), len(spec.hosts)
        # the first subnet stays free, as with flannel: its network address is that of the whole pool
        needed = max(hosts + 1, cls.min_subnets)
        if 2.0 ** (SUBNET_BITS - pool.prefixlen) < needed:
            yield f"the containers' network {pool} is too small: {hosts} hosts need {needed} subnets of /{SUBNET_BITS}"

    @abc.abstractmethod
    def bring_up(self, host: str) -> None:
        """Start the overlay on a host and return before it is ready; after a stop or a crash, resume.

        Raises:
            EmulationError: a part of the overlay cannot be started.
        """

    @abc.abstractmethod
    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet of a host, which must be ready. The bridge has the address after the network address."""

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

    def mtu_bytes(self, host: str) -> int:
        """Return the containers' MTU: the largest packet that passes each of the host's circuits when wrapped."""
        return self.circuit_mtu_bytes(host) - self.overhead_bytes

    def next_address(self, host: str) -> IPv4Address:
        """Return an unused address in a host's subnet for one more container.

        Raises:
            EmulationError: all addresses are in use.
        """
        number = self._address_counts[host] = self._address_counts.get(host, 0) + 1
        subnet = self.subnet(host)
        if number + 2 >= subnet.num_addresses:
            raise EmulationError(f"the subnet {subnet} of {host} has no free address for another container")
        return subnet[number + 1]


def host_number(spec: OverlaySpec, host: str) -> int:
    """Return a host's number in an overlay, counted from 1."""
    return spec.hosts.index(host) + 1


def numbered_subnet(spec: OverlaySpec, host: str) -> IPv4Network:
    """Return the subnet of a host's number. The first subnet of the pool has number 0 and stays free."""
    pool = IPv4Network(spec.subnet_pool)
    size = 2 ** (32 - SUBNET_BITS)
    return IPv4Network((int(pool.network_address) + host_number(spec, host) * size, SUBNET_BITS))


def mac_of(prefix: str, address: str | IPv4Address) -> str:
    """Return the MAC address of a prefix of two bytes (``0a:58``) and the four bytes of an IPv4 address."""
    return f"{prefix}:{IPv4Address(address).packed.hex(':')}"


def _attach_process(overlay: SubnetOverlay, container: Container) -> Attachment:
    """Make a namespace with a veth pair into the host's bridge."""
    host = container.host
    subnet, address = overlay.subnet(host), overlay.next_address(host)
    mtu_bytes = overlay.mtu_bytes(host)
    gateway = subnet[1]
    namespace = empty_namespace()
    try:
        port = f"veth{int(address) - int(gateway)}"
        with Handle(overlay.namespace(host)) as kernel:
            if not kernel.has_link(BRIDGE):
                kernel.add_bridge(BRIDGE, mac=mac_of(_MAC_PREFIX, gateway), mtu_bytes=mtu_bytes)
                kernel.add_address(InterfaceAddress(BRIDGE, f"{gateway}/{subnet.prefixlen}"))
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
            kernel.add_address(InterfaceAddress(_INTERFACE, f"{address}/{subnet.prefixlen}"))
            kernel.set_up(_INTERFACE)
            kernel.put(Route("0.0.0.0/0", _INTERFACE, str(gateway)))
    except BaseException:
        os.close(namespace)
        raise
    return Attachment(namespace, str(address))


def _attach_docker(overlay: SubnetOverlay, container: Container) -> Attachment:
    """Run a container by a `dockerd` whose bridge, `docker0`, has the host's subnet."""
    subnet = overlay.subnet(container.host)
    options = bridge_options(str(subnet[1]), subnet.prefixlen, overlay.mtu_bytes(container.host))
    return overlay.docker.attach(container, BRIDGE_NETWORK, options)


_ATTACH: Mapping[Runtime, Callable[[SubnetOverlay, Container], Attachment]] = {
    "process": _attach_process,
    "docker": _attach_docker,
}
"""The function that attaches a container, by runtime."""
