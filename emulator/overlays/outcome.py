"""The part of a run's result that is about its overlay."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from emulator.measure.probe import IPV4, Family
from emulator.overlays.model import Connection, FirstPacket, PairProbe
from emulator.system.poll import wait_until

if TYPE_CHECKING:
    from emulator.overlays.base import Overlay
    from emulator.overlays.deployment import Deployment

_SETTLE_S = 10.0
"""The time for connections to come up, in the lab's clock. First packets may take another way before: Weave's routers
pass news of a connection on after a second, and relay meanwhile."""
_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class OverlayOutcome:
    """The outcome of an overlay: its agent and its store, and what was measured.

    ``agent`` is the program that ran the overlay, and ``store`` the key-value store, each with its version.
    ``overhead_bytes`` is what the overlay adds to each packet. ``store_ns`` is the time until the store was ready, in
    the run's clock. ``store`` and ``store_ns`` are None without a store. ``addresses`` are the containers' addresses,
    by name. ``state`` is what the overlay wrote into each host's kernel, by host, as JSON of
    `emulator.netlink.state.KernelState`. ``connections`` say how each two hosts forward to each other, at the end of
    the run; empty for an overlay with one way only. ``ipv6_addresses`` and ``ipv6_overhead_bytes`` are the same for
    IPv6; empty and None in an overlay of IPv4 only.
    """

    agent: str
    overhead_bytes: int
    store: str | None
    store_ns: int | None
    addresses: dict[str, str]
    first_packets: tuple[FirstPacket, ...]
    pairs: tuple[PairProbe, ...]
    state: dict[str, dict[str, object]]
    connections: tuple[Connection, ...] = ()
    ipv6_addresses: dict[str, str] = field(default_factory=dict)
    ipv6_overhead_bytes: int | None = None

    def overhead_bytes_of(self, family: Family) -> int:
        """Return what the overlay adds to a packet of a family, 4 or 6."""
        return (self.ipv6_overhead_bytes or 0) if family == 6 else self.overhead_bytes

    @property
    def has_gaps(self) -> bool:
        """True if containers of two hosts did not reach each other as the variant and the policies ask for."""
        return (
            any(item.after_ns is None and not item.is_denied for item in self.first_packets)
            or any((item.container_us is None) is not item.is_denied for item in self.pairs)
            or not all(item.is_wanted for item in self.connections)
        )


def overlay_outcome(
    deployment: Deployment,
    probe_count: int,
    progress: Callable[[str], None],
    families: tuple[Family, ...] = IPV4,
) -> OverlayOutcome:
    """Return the outcome of a deployment as it is now; measure between containers unless ``probe_count`` is 0.

    ``families`` are those in which it is measured.
    """
    from emulator.overlays.probe import probe_overlay

    pairs: tuple[PairProbe, ...] = ()
    if probe_count:
        progress("measuring between containers")
        pairs = probe_overlay(deployment, count=probe_count, families=families)
    return OverlayOutcome(
        agent=deployment.overlay.agent,
        overhead_bytes=deployment.overlay.overhead_bytes,
        store=deployment.store_version,
        store_ns=deployment.store_ns,
        addresses=dict(deployment.addresses),
        first_packets=deployment.first_packets,
        pairs=pairs,
        state={host: asdict(deployment.overlay.state(host)) for host in deployment.spec.hosts},
        connections=_connections(deployment.overlay),
        ipv6_addresses=dict(deployment.ipv6_addresses),
        ipv6_overhead_bytes=deployment.overlay.ipv6_overhead_bytes if deployment.spec.ipv6_pool else None,
    )


def _connections(overlay: Overlay) -> tuple[Connection, ...]:
    """Return how the hosts forward to each other, after a time in which connections come up that are not wanted yet."""
    wait_until(lambda: all(item.is_wanted for item in overlay.connections()), _SETTLE_S, _POLL_S)
    return overlay.connections()
