"""What overlays share that give each host a subnet: bridges and containers in it, and packets that are routed there.

A host's containers are on a bridge, which has the first address of the host's subnet and is their gateway. All is as
the CNI plugin `bridge` makes it. MAC addresses go with the addresses, so that two runs are the same.
"""

from __future__ import annotations

import abc
import os
from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, ClassVar

from emulator.docker.containers import ContainerDaemons, bridge_options
from emulator.docker.model import BRIDGE_NETWORK
from emulator.lab.containers import Attachment, Container
from emulator.lab.underlay import empty_namespace
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState, Route, difference, read
from emulator.overlays.base import Overlay
from emulator.overlays.model import OverlaySpec, Runtime
from emulator.system.errors import EmulationError

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.stores.etcd import Store

SUBNET_BITS = 24
"""The prefix length of one host's part of the containers' network, as flannel has it."""
BRIDGE = "cni0"
_INTERFACE = "eth0"
_MAC_PREFIX, _PORT_MAC_PREFIX = "0a:58", "0a:59"


class SubnetOverlay(Overlay):
    """An overlay that routes a subnet to each host. It says which (`subnet`), and brings packets there."""

    fewest_subnets: ClassVar[int] = 0
    """So many must fit into the containers' network, however few the hosts are."""

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        super().__init__(spec, network, store)
        self._before: dict[str, KernelState] = {}
        self._attached: dict[str, int] = {}
        self.docker = ContainerDaemons(network, spec.image)

    @classmethod
    def refuses(cls, spec: OverlaySpec) -> Iterator[str]:
        """A network that has no subnet for each host."""
        pool, hosts = IPv4Network(spec.network), len(spec.hosts)
        # the first stays free, as with flannel: its own address is that of the whole network
        if 2.0 ** (SUBNET_BITS - pool.prefixlen) < max(hosts + 1, cls.fewest_subnets):
            yield (
                f"the containers' network {pool} has no /{SUBNET_BITS} for each of {hosts} hosts and one more"
                + (f", and for {cls.fewest_subnets} at least" if cls.fewest_subnets else "")
            )

    @abc.abstractmethod
    def bring_up(self, host: str) -> None:
        """Start it on a host; it returns before it is ready. On one where it ran before, it goes on where it was.

        Raises:
            EmulationError: something cannot be started.
        """

    @abc.abstractmethod
    def subnet(self, host: str) -> IPv4Network:
        """The subnet of a host, which must be ready: `docker0`, or `cni0`, has the first address after its own."""

    def start(self, host: str) -> None:
        """Start it on a host, of which the kernel's state is kept to be compared with what it becomes."""
        if host not in self._before:
            self._before[host] = read(self.namespace(host))
        self.bring_up(host)

    def attach(self, container: Container) -> Attachment:
        """Start a container in the subnet of its host."""
        return _ATTACH[self.spec.runtime](self, container)

    def state(self, host: str) -> KernelState:
        """What is in the kernel and was not before the overlay's start."""
        return difference(read(self.namespace(host)), self._before.get(host, KernelState()))

    def namespace(self, host: str) -> int:
        """The descriptor of a host's network namespace."""
        return self.network.underlay.namespaces[host].descriptor

    def loopback(self, host: str) -> str:
        """A host's own address, which is reached over all circuits: tunnels lead to it."""
        return next(it.loopback for it in self.network.plan.hosts if it.name == host)

    def mtu_bytes(self, host: str) -> int:
        """The largest packet of a container: what passes each of its host's circuits with the overlay's share."""
        return self.circuit_mtu_bytes(host) - self.overhead_bytes

    def next_address(self, host: str) -> IPv4Address:
        """An address for one more container of a host; the first is the bridge's.

        Raises:
            EmulationError: all are taken.
        """
        number = self._attached[host] = self._attached.get(host, 0) + 1
        subnet = self.subnet(host)
        if number + 2 >= subnet.num_addresses:
            raise EmulationError(f"the subnet {subnet} of {host} has no address left for a container")
        return subnet[number + 1]


def number_of(spec: OverlaySpec, host: str) -> int:
    """A host's number in an overlay, from 1 on."""
    return spec.hosts.index(host) + 1


def numbered_subnet(spec: OverlaySpec, host: str) -> IPv4Network:
    """The subnet of a host's number. The first of all stays free: its address would be that of the whole network."""
    pool = IPv4Network(spec.network)
    size = 2 ** (32 - SUBNET_BITS)
    return IPv4Network((int(pool.network_address) + number_of(spec, host) * size, SUBNET_BITS))


def mac_of(prefix: str, address: str | IPv4Address) -> str:
    """A MAC address that goes with an IPv4 address, the same in each run; the prefix is two bytes (``0a:58``)."""
    return f"{prefix}:{IPv4Address(address).packed.hex(':')}"


def _attach_process(overlay: SubnetOverlay, container: Container) -> Attachment:
    """A namespace of its own, with a veth into the bridge."""
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
    """A container of a `dockerd` whose bridge, `docker0`, is in the subnet."""
    subnet = overlay.subnet(container.host)
    options = bridge_options(str(subnet[1]), subnet.prefixlen, overlay.mtu_bytes(container.host))
    return overlay.docker.attach(container, BRIDGE_NETWORK, options)


_ATTACH: Mapping[Runtime, Callable[[SubnetOverlay, Container], Attachment]] = {
    "process": _attach_process,
    "docker": _attach_docker,
}
"""How a container of a runtime comes into its host's subnet."""
