"""A mesh of GENEVE tunnels, one between each pair of hosts. All hosts are known at the start, so it needs no store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from emulator.cpu.model import CONTAINER_STAGES
from emulator.lab.lab import Lab
from emulator.netlink import facilities
from emulator.netlink.handle import Handle
from emulator.netlink.state import Neighbour, Route
from emulator.overlays.base import IPV6_OPTIONS
from emulator.overlays.model import UDP, About, OverlaySpec, PacketWay, Peer
from emulator.overlays.subnets import SubnetOverlay, host_number, mac_of, numbered_subnet
from emulator.stores.etcd import Store

VNI = 1
PORT = 6081
_HEADERS_BYTES = 14 + 20 + 8 + 8  # the inner Ethernet header; IP, UDP, and GENEVE without options (RFC 8926)
_MAC_PREFIX = "0e:6e"


class Geneve(SubnetOverlay):
    """Tunnels of the kernel, each with a neighbour and a route."""

    variants = ("mesh",)

    def __init__(self, spec: OverlaySpec, lab: Lab, store: Store | None) -> None:
        super().__init__(spec, lab, store)
        self._started: set[str] = set()

    @classmethod
    def about(cls, variant: str) -> About:  # noqa: ARG003 - the only variant
        """Return what `gtsdsl overlays` shows."""
        return About("routed through GENEVE", needs=("GENEVE",))

    @classmethod
    def options(cls, variant: str) -> frozenset[str]:  # noqa: ARG003 - the only variant
        """Return the options of IPv6, which the tunnels carry beside IPv4, and the MTU."""
        return IPV6_OPTIONS | {"mtu_bytes"}

    @classmethod
    def way(cls, variant: str, *, is_encrypted: bool) -> PacketWay:  # noqa: ARG003 - the only variant
        """Return the way of a packet through the bridge and a tunnel."""
        return PacketWay((*CONTAINER_STAGES, "bridge", "forward", "geneve"), UDP, PORT)

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - the only variant
        """Yield a sentence if the kernel has no GENEVE tunnels."""
        yield from facilities.lacks("GENEVE", "geneve", lambda kernel: _add(kernel, "try", "192.0.2.1", "192.0.2.2"))

    @property
    def agent(self) -> str:
        """The name of the control plane in this module."""
        return "built-in control plane"

    @classmethod
    def added_bytes(cls, spec: OverlaySpec) -> int:  # noqa: ARG003 - the same for all
        """Return the bytes that GENEVE adds to a packet: inner Ethernet, IP, UDP and GENEVE headers."""
        return _HEADERS_BYTES

    def bring_up(self, host: str) -> None:
        """Make the tunnels between a host and each host that was started before."""
        if host not in self._started:
            self._started.add(host)
            for peer in self._others(host):
                self._add_tunnel(host, peer)
                self._add_tunnel(peer, host)

    def is_ready(self, host: str) -> bool:
        """Return True as soon as the host is started."""
        return host in self._started

    def subnet(self, host: str) -> IPv4Network:
        """Return the subnet of the host's number."""
        return numbered_subnet(self.spec, host)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """Return the other hosts that are started."""
        others = self._others(host)
        return tuple(Peer(it, self.loopback(it), str(subnet)) for it in others for subnet in self.subnets(it))

    def stop(self, host: str) -> None:
        """Remove the tunnels from and to a host; the kernel removes their routes and neighbours."""
        for peer in self._others(host):
            for near, far in ((host, peer), (peer, host)):
                with Handle(self.namespace(near)) as kernel:
                    kernel.delete_link(self._tunnel_to(far))
        self._started.remove(host)

    def _others(self, host: str) -> list[str]:
        return [it for it in self.spec.hosts if it in self._started and it != host]

    def _add_tunnel(self, host: str, peer: str) -> None:
        """Make the tunnel from a host to another, with a route to each of the other's subnets."""
        tunnel = self._tunnel_to(peer)
        with Handle(self.namespace(host)) as kernel:
            _add(kernel, tunnel, self.loopback(host), self.loopback(peer))
            kernel.set_up(tunnel, mtu_bytes=self.mtu_bytes(host))
            for subnet in self.subnets(peer):
                # an address that no interface needs: the neighbour maps it to the MAC address that frames are sent to
                gateway = str(subnet.network_address)
                kernel.put(Neighbour(tunnel, gateway, _mac(self.loopback(peer))))
                kernel.put(Route(str(subnet), tunnel, gateway, flags=("onlink",)))

    def _tunnel_to(self, peer: str) -> str:
        return f"geneve{host_number(self.spec, peer)}"


def _add(kernel: Handle, name: str, local: str, remote: str) -> None:
    kernel.add_geneve(name, vni=VNI, port=PORT, remote=remote, mac=_mac(local))


def _mac(address: str) -> str:
    """Return the MAC address of the tunnels of a host with this address, the same in each run."""
    return mac_of(_MAC_PREFIX, address)


OVERLAY = Geneve
"""The class behind ``--overlay geneve``."""
