"""A deployment to the round trip between its containers over each circuit, beside that between their hosts."""

from __future__ import annotations

from emulator.measure.echo import Echo, samples_us
from emulator.mininet.network import EmulatedNetwork
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import PairProbe, first_containers
from emulator.overlays.pairs import expected_us, joined, median, pair_probe

_LEAST_PATIENCE_S = 1.0


def probe_overlay(
    network: EmulatedNetwork, deployment: Deployment, *, count: int = 10, warm_up: int = 1
) -> tuple[PairProbe, ...]:
    """Measure between the hosts that a circuit, or a path of switches only, joins; ``count`` echoes each.

    Raises:
        OSError: sockets are refused.
    """
    container_of = first_containers(deployment.spec)
    found = []
    for (first, second), path in joined(network.plan).items():
        if first in container_of and second in container_of:
            near, far = container_of[first], container_of[second]
            patience_s = _LEAST_PATIENCE_S + 3 * (expected_us(path, deployment.overlay.overhead_bytes) or 0.0) / 1e6
            machine = _samples_us(network, first, network.get(second).loopback, count, warm_up, patience_s)
            samples = _samples_us(network, near, deployment.addresses[far], count, warm_up, patience_s)
            overhead_bytes, machine_us = deployment.overlay.overhead_bytes, median(machine)
            pair = (first, second), (near, far)
            found.append(pair_probe(*pair, path, overhead_bytes, machine_us, samples, count))
    return tuple(found)


def _samples_us(
    network: EmulatedNetwork, near: str, target: str, count: int, warm_up: int, patience_s: float
) -> tuple[float, ...]:
    """Round trips from a node's own address to another, of those that came back."""
    descriptor = network.lab.namespace(near)
    with Echo(descriptor, network.get(near).loopback) as echo:
        return samples_us(lambda number: echo.round_trip_ns(target, number, patience_s), count, warm_up)
