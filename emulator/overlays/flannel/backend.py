"""The one interface of flannel's backends: what brings packets to another host, in the kernel of this one."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import ClassVar

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import KernelState
from emulator.overlays.flannel.leases import Lease


@dataclass(frozen=True, slots=True)
class Here:
    """The host that a backend is on.

    ``public_ip`` is its own address, which all circuits lead to; ``link_mtu_bytes`` the smallest MTU of its circuits.
    ``network`` is that of all containers. ``folder`` is the host's, for what flannel keeps in ``/run/flannel``.
    """

    public_ip: str
    link_mtu_bytes: int
    network: IPv4Network
    folder: Path


class Backend(abc.ABC):
    """A way to other hosts. `ensure` may be called again and again: what is there already stays."""

    type: ClassVar[str]
    """What it is called in flannel's configuration."""
    lease_type: ClassVar[str]
    """What it is called in leases."""
    overhead_bytes: ClassVar[int]
    """By how much the containers' MTU is less than that of the circuits, as flannel has it."""

    def __init__(self, here: Here, kernel: Handle) -> None:
        self.here = here
        self.kernel = kernel

    @property
    def mtu_bytes(self) -> int:
        """The containers' MTU."""
        return self.here.link_mtu_bytes - self.overhead_bytes

    @abc.abstractmethod
    def ensure(self, state: KernelState, subnet: IPv4Network | None) -> None:
        """Have its device, with an address in the host's subnet once that is known; ``state`` is what there is now."""

    @abc.abstractmethod
    def data(self) -> str:
        """What the others must know of it, for the lease: JSON, or nothing. Its device is there."""

    def common(self) -> list[Entry]:
        """What must be in the kernel's tables whoever the others are."""
        return []

    @abc.abstractmethod
    def reach(self, peer: Lease) -> list[Entry]:
        """What must be in the kernel's tables to reach another host, in the order of writing.

        Nothing, if the lease's data cannot be read, or the host cannot be reached now.
        """

    def follow(self, peers: Sequence[Lease]) -> None:  # noqa: B027 - for a backend with tables of its own
        """Take note of who the others are now."""

    @abc.abstractmethod
    def owns(self, entry: Entry) -> bool:
        """Whether an entry is of the kind that `common` and `reach` give: if they no longer do, it is to go."""

    @abc.abstractmethod
    def remove(self) -> None:
        """Take its device away, and all that leads through it."""
