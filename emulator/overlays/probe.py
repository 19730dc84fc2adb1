"""Round-trip times between containers, beside those between their hosts."""

from __future__ import annotations

from emulator.lab.lab import Lab
from emulator.measure.echo import Echo, samples_us
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import PairProbe, first_containers
from emulator.overlays.pairs import expected_us, joined, median, pair_probe

_LEAST_PATIENCE_S = 1.0


def probe_overlay(deployment: Deployment, *, count: int = 10, warm_up: int = 1) -> tuple[PairProbe, ...]:
    """Measure between the first containers of each two hosts that a circuit, or a path of switches only, joins.

    ``count`` echoes go between the hosts and ``count`` between the containers, each after ``warm_up`` more.

    Raises:
        OSError: the kernel refuses sockets.
    """
    lab, overhead_bytes = deployment.overlay.lab, deployment.overlay.overhead_bytes
    container_of = first_containers(deployment.spec)
    address_of = {host.name: host.loopback for host in lab.plan.hosts} | deployment.addresses
    probes = []
    for (first, second), path in joined(lab.plan).items():
        if first in container_of and second in container_of:
            near, far = container_of[first], container_of[second]
            patience_s = _LEAST_PATIENCE_S + 3 * (expected_us(path, overhead_bytes) or 0.0) / 1e6
            between_hosts, between_containers = (
                _samples_us(lab, node, address_of[node], address_of[target], count, warm_up, patience_s)
                for node, target in ((first, second), (near, far))
            )
            pair = (first, second), (near, far)
            is_denied = not deployment.overlay.lets_through(near, far)
            medians = median(between_hosts), between_containers
            probes.append(pair_probe(*pair, path, overhead_bytes, *medians, count, is_denied=is_denied))
    return tuple(probes)


def _samples_us(
    lab: Lab, node: str, source: str, target: str, count: int, warm_up: int, patience_s: float
) -> tuple[float, ...]:
    with Echo(lab.namespace(node), source) as echo:
        return samples_us(lambda number: echo.round_trip_ns(target, number, patience_s), count, warm_up)
