"""The interface of flannel's backends, which deliver packets from one host's containers to those of others."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState
from emulator.overlays.flannel.leases import Lease
from emulator.overlays.model import Network


@dataclass(frozen=True, slots=True)
class LocalHost:
    """The host that a backend runs on, in one family of addresses.

    ``public_ip`` is the host's own address, which is reachable over all circuits. ``circuit_mtu_bytes`` is the MTU of
    flannel's configuration, else ``interface_mtu_bytes``, the smallest MTU of its circuits. ``network`` is the network
    of all containers. ``folder`` stands for ``/run/flannel``, because the hosts share a file system.
    """

    public_ip: str
    circuit_mtu_bytes: int
    interface_mtu_bytes: int
    network: Network
    folder: Path

    @property
    def is_ipv6(self) -> bool:
        """Whether the family is IPv6."""
        return self.network.version == 6


class Backend(abc.ABC):
    """A backend on a host, in one family of addresses: a host with IPv6 has two.

    `ensure_device` may be called again; it leaves alone what is right.
    """

    type: ClassVar[str]
    """Its name in flannel's configuration."""
    lease_type: ClassVar[str]
    """Its name in leases; empty if leases do not name it."""
    overhead_bytes: ClassVar[int]
    """The bytes that flannel subtracts from the circuits' MTU for the containers' MTU."""
    ipv6_overhead_bytes: ClassVar[int]
    """The bytes that the backend adds to a packet of IPv6."""

    def __init__(self, host: LocalHost, kernel: Handle) -> None:
        self.host = host
        self.kernel = kernel

    @property
    def mtu_bytes(self) -> int:
        """The containers' MTU."""
        return self.host.circuit_mtu_bytes - self.overhead_bytes

    @abc.abstractmethod
    def ensure_device(self, state: KernelState, subnet: Network | None) -> None:
        """Make the backend's device, or mend it.

        ``state`` is the current state of the kernel. The device gets an address in ``subnet``, the host's; None as long
        as it is unknown.
        """

    @abc.abstractmethod
    def lease_data(self) -> str:
        """Return what other hosts must know of the device, as JSON for the lease; empty if nothing."""

    def common_entries(self) -> list[Entry]:
        """Return the entries of the kernel's tables that do not depend on the peers."""
        return []

    @abc.abstractmethod
    def entries(self, peer: Lease) -> list[Entry]:
        """Return the entries of the kernel's tables that lead to a peer, in the order of writing.

        The list is empty if the lease's data are unreadable, or no circuit leads to the peer now.
        """

    def set_peers(self, peers: Sequence[Lease]) -> None:  # noqa: B027 - for a backend that forwards itself
        """Replace the peers that the backend forwards to; a backend whose packets the kernel forwards ignores them."""

    @abc.abstractmethod
    def owns(self, entry: Entry) -> bool:
        """Return whether an entry is of the backend's kind: it is removed if no peer and nothing common needs it."""

    @abc.abstractmethod
    def remove_device(self) -> None:
        """Remove the device; the kernel removes all entries that lead through it."""
