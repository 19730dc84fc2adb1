"""Flannel's backend `udp`: a TUN interface to which all containers' networks lead, and a program that forwards.

As in `pkg/backend/udp` of flannel 0.28. As with flannel's, it is the agent that forwards packets: without it none pass.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import threading
from collections.abc import Sequence
from ipaddress import IPv4Network

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState, Route
from emulator.overlays.flannel.backend import Backend, Here
from emulator.overlays.flannel.device import set_address
from emulator.overlays.flannel.forwarder import Forwarder
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.flannel.tables import say

DEVICE = "flannel0"
PORT = 8285
TUN = "/dev/net/tun"
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x1, 0x1000
_IFREQ = struct.Struct("16sH22x")


class Udp(Backend):
    """Packets in UDP, by a program."""

    type = "udp"
    lease_type = ""
    overhead_bytes = 28
    """IP (20) and UDP (8)."""

    def __init__(self, here: Here, kernel: Handle) -> None:
        super().__init__(here, kernel)
        self._forwarder: Forwarder | None = None

    def ensure(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """Have `DEVICE` and its forwarder, once the subnet is known: before, nobody could be told of it."""
        if subnet is None or self._forwarder is not None:
            return
        tun = open_tun(DEVICE)
        set_address(self.kernel, state, DEVICE, subnet, self.here.network)
        self.kernel.set_up(DEVICE, mtu_bytes=self.mtu_bytes)
        end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        end.bind((self.here.public_ip, PORT))
        self._forwarder = Forwarder(tun, end, self.mtu_bytes, str(subnet.network_address))
        threading.Thread(target=_run, args=[self._forwarder], daemon=True).start()

    def data(self) -> str:
        """Nothing: the address says all."""
        return ""

    def common(self) -> list[Entry]:
        """The route to all containers."""
        return [Route(str(self.here.network), DEVICE)]

    def reach(self, peer: Lease) -> list[Entry]:  # noqa: ARG002 - see `follow`
        """Nothing: where packets go is in the forwarder's own table."""
        return []

    def follow(self, peers: Sequence[Lease]) -> None:
        """Tell the forwarder."""
        if self._forwarder is not None:
            self._forwarder.learn({peer.subnet: (peer.public_ip, PORT) for peer in peers})

    def owns(self, entry: Entry) -> bool:
        """All that is on the device."""
        return entry.interface == DEVICE

    def remove(self) -> None:
        """Nothing is left when the agent has ended: the device goes with it."""


def _run(forwarder: Forwarder) -> None:
    """Forward for ever; the agent ends if that cannot go on, as when somebody deletes the device: no packet passes."""
    try:
        forwarder.run()
    except OSError as error:
        say(f"{DEVICE}: {error.strerror}")
    finally:
        os._exit(1)  # an exception would end this thread only


def open_tun(name: str) -> int:
    """A TUN interface of raw IP packets; the descriptor that holds it, which does not block.

    Raises:
        OSError: the kernel has none, or refuses.
    """
    descriptor = os.open(TUN, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(descriptor, _TUNSETIFF, _IFREQ.pack(name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
