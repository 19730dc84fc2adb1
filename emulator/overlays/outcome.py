"""A deployment to what a result keeps of it: who brought it up, how long it took, round trips, what it wrote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from emulator.overlays.model import FirstPacket, PairProbe

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork
    from emulator.overlays.deployment import Deployment


@dataclass(frozen=True, slots=True)
class OverlayOutcome:
    """What came of an overlay. ``agent`` is who brought it up, ``store`` the key-value store with its version.

    ``store_ns`` is the time until the store was ready, in the run's clock. ``state`` is what the overlay wrote into the
    kernel, by host, as `emulator.netlink.state` has it.
    """

    agent: str
    overhead_bytes: int
    store: str | None
    store_ns: int | None
    addresses: dict[str, str]
    first_packets: tuple[FirstPacket, ...]
    pairs: tuple[PairProbe, ...]
    state: dict[str, dict[str, object]]

    @property
    def has_gaps(self) -> bool:
        """Whether two hosts' containers did not reach each other."""
        return any(item.after_ns is None for item in self.first_packets) or any(
            item.container_us is None for item in self.pairs
        )


def overlay_outcome(
    network: EmulatedNetwork, deployment: Deployment, probe_count: int, progress: Callable[[str], None]
) -> OverlayOutcome:
    """What is known of a deployment now; the pairs are measured if ``probe_count`` is not 0."""
    from emulator.overlays.probe import probe_overlay

    pairs: tuple[PairProbe, ...] = ()
    if probe_count:
        progress("measuring between containers")
        pairs = probe_overlay(network, deployment, count=probe_count)
    return OverlayOutcome(
        agent=deployment.overlay.agent,
        overhead_bytes=deployment.overlay.overhead_bytes,
        store=deployment.store_version,
        store_ns=deployment.store_ns,
        addresses=dict(deployment.addresses),
        first_packets=deployment.first_packets,
        pairs=pairs,
        state={host: asdict(deployment.overlay.state(host)) for host in deployment.spec.hosts},
    )
