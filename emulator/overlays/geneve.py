"""A GENEVE mesh: each host has a tunnel to each other, and all is known from the start: there is no store."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from emulator.netlink import facilities
from emulator.netlink.handle import Handle
from emulator.netlink.state import Neighbour, Route
from emulator.overlays.model import OverlaySpec, Peer
from emulator.overlays.subnets import SubnetOverlay, mac_of, number_of, numbered_subnet

VNI = 1
PORT = 6081
_HEADERS_BYTES = 14 + 20 + 8 + 8  # the inner Ethernet header, then IP, UDP and GENEVE without options (RFC 8926)
_MAC_PREFIX = "0e:6e"


class Geneve(SubnetOverlay):
    """Tunnels of Linux's own, a route and a neighbour in each."""

    forms = ("mesh",)

    @classmethod
    def lacks(cls, spec: OverlaySpec) -> Iterator[str]:  # noqa: ARG003 - there is one form
        """GENEVE, if the kernel has none."""
        yield from facilities.lacks(
            "GENEVE", "geneve", lambda kernel: _add_tunnel(kernel, "try", "192.0.2.1", "192.0.2.2", 1450)
        )

    @property
    def agent(self) -> str:
        """Us."""
        return "built-in control plane"

    @property
    def overhead_bytes(self) -> int:
        """The headers."""
        return _HEADERS_BYTES

    def bring_up(self, host: str) -> None:
        """Make the tunnels, and what leads through them."""
        own, mtu_bytes = self.loopback(host), self.mtu_bytes(host)
        with Handle(self.namespace(host)) as kernel:
            for peer in self.peers(host):
                tunnel = self._tunnel(peer.host)
                _add_tunnel(kernel, tunnel, own, peer.address, mtu_bytes)
                kernel.set_up(tunnel)
                # an address that the peer need not have: only its MAC address goes into the frame
                gateway = peer.subnet.partition("/")[0]
                kernel.put(Neighbour(tunnel, gateway, mac_of(_MAC_PREFIX, peer.address)))
                kernel.put(Route(peer.subnet, tunnel, gateway, flags=("onlink",)))

    def is_ready(self, host: str) -> bool:  # noqa: ARG002 - all are
        """As soon as it is started."""
        return True

    def subnet(self, host: str) -> IPv4Network:
        """That of its number."""
        return numbered_subnet(self.spec, host)

    def peers(self, host: str) -> tuple[Peer, ...]:
        """All other hosts."""
        others = (it for it in self.spec.hosts if it != host)
        return tuple(Peer(it, self.loopback(it), str(self.subnet(it))) for it in others)

    def stop(self, host: str) -> None:
        """Remove its tunnels, and the others' tunnels to it."""
        for peer in self.peers(host):
            for end, far in ((host, peer.host), (peer.host, host)):
                with Handle(self.namespace(end)) as kernel:
                    if kernel.has_link(tunnel := self._tunnel(far)):
                        kernel.delete_link(tunnel)

    def _tunnel(self, peer: str) -> str:
        return f"geneve{number_of(self.spec, peer)}"


def _add_tunnel(kernel: Handle, name: str, own: str, remote: str, mtu_bytes: int) -> None:
    kernel.add_geneve(name, vni=VNI, port=PORT, remote=remote, mac=mac_of(_MAC_PREFIX, own), mtu_bytes=mtu_bytes)


OVERLAY = Geneve
"""What `--overlay geneve` brings up."""
