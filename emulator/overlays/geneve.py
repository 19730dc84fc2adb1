"""A GENEVE mesh: each host has a tunnel to each other, and all is known from the start: there is no store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from emulator.netlink import facilities
from emulator.netlink.handle import Handle
from emulator.netlink.state import Neighbour, Route
from emulator.overlays.model import OverlaySpec, Peer
from emulator.overlays.subnets import SubnetOverlay, mac_of, number_of, numbered_subnet

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.stores.etcd import Store

VNI = 1
PORT = 6081
_HEADERS_BYTES = 14 + 20 + 8 + 8  # the inner Ethernet header; IP, UDP, and GENEVE without options (RFC 8926)
_MAC_PREFIX = "0e:6e"


class Geneve(SubnetOverlay):
    """Tunnels of the kernel's own, with a neighbour and a route in each."""

    forms = ("mesh",)

    def __init__(self, spec: OverlaySpec, network: EmulatedNetwork, store: Store | None) -> None:
        super().__init__(spec, network, store)
        self._up: set[str] = set()

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - there is one form
        """GENEVE, if the kernel has none."""
        yield from facilities.lacks("GENEVE", "geneve", lambda kernel: _add(kernel, "try", "192.0.2.1", "192.0.2.2"))

    @property
    def agent(self) -> str:
        """Us: there is no other."""
        return "built-in control plane"

    @property
    def overhead_bytes(self) -> int:
        """The headers."""
        return _HEADERS_BYTES

    def bring_up(self, host: str) -> None:
        """Join it with each host that is up."""
        if host not in self._up:
            self._up.add(host)
            for peer in self.peers(host):
                self._lead(host, peer.host)
                self._lead(peer.host, host)

    def is_ready(self, host: str) -> bool:
        """As soon as it is started."""
        return host in self._up

    def subnet(self, host: str) -> IPv4Network:
        """That of its number."""
        return numbered_subnet(self.spec, host)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """The others that are up."""
        others = (it for it in self.spec.hosts if it in self._up and it != host)
        return tuple(Peer(it, self.loopback(it), str(self.subnet(it))) for it in others)

    def stop(self, host: str) -> None:
        """Remove the tunnels from it and to it, and with them what leads through them."""
        for peer in self.peers(host):
            for end, far in ((host, peer.host), (peer.host, host)):
                with Handle(self.namespace(end)) as kernel:
                    kernel.delete_link(self._tunnel_to(far))
        self._up.remove(host)

    def _lead(self, host: str, peer: str) -> None:
        """Make a host's tunnel to another, and the way through it."""
        tunnel, subnet = self._tunnel_to(peer), self.subnet(peer)
        # an address that nobody need have: it stands for the MAC address that goes into the frame
        gateway = str(subnet.network_address)
        with Handle(self.namespace(host)) as kernel:
            _add(kernel, tunnel, self.loopback(host), self.loopback(peer))
            kernel.set_up(tunnel, mtu_bytes=self.mtu_bytes(host))
            kernel.put(Neighbour(tunnel, gateway, _mac(self.loopback(peer))))
            kernel.put(Route(str(subnet), tunnel, gateway, flags=("onlink",)))

    def _tunnel_to(self, peer: str) -> str:
        return f"geneve{number_of(self.spec, peer)}"


def _add(kernel: Handle, name: str, own: str, remote: str) -> None:
    kernel.add_geneve(name, vni=VNI, port=PORT, remote=remote, mac=_mac(own))


def _mac(address: str) -> str:
    """The MAC address of a host's tunnels, the same in each run."""
    return mac_of(_MAC_PREFIX, address)


OVERLAY = Geneve
"""What `--overlay geneve` brings up."""
