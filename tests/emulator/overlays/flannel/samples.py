"""A host and a lease of flannel, for tests of its backends."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path
from typing import cast

from emulator.netlink.handle import Handle
from emulator.overlays.flannel.backend import LocalHost
from emulator.overlays.flannel.leases import Lease

NETWORK = IPv4Network("10.244.0.0/16")
SUBNET = IPv4Network("10.244.1.0/24")
HOST = LocalHost("100.64.0.1", 1500, 1500, NETWORK, Path("/run/flannel"))

NO_KERNEL = cast("Handle", None)
"""The kernel of a backend in tests of what the backend computes without one."""


def lease(number: int, backend: str = "", data: str = "") -> Lease:
    """Return the lease of the host with a number."""
    return Lease(IPv4Network(f"10.244.{number}.0/24"), f"100.64.0.{number}", backend, data)
