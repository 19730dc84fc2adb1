"""Round-trip times between containers, beside those between their hosts."""

from __future__ import annotations

from emulator.lab.lab import Lab
from emulator.measure.echo import Echo, samples_us
from emulator.measure.probe import IPV4, Family
from emulator.overlays.deployment import Deployment
from emulator.overlays.model import PairProbe, first_containers
from emulator.overlays.pairs import expected_us, median, pair_probe, routed
from emulator.overlays.ways import echo_work_us

_LEAST_PATIENCE_S = 1.0


def probe_overlay(
    deployment: Deployment, *, count: int = 10, warm_up: int = 1, families: tuple[Family, ...] = IPV4
) -> tuple[PairProbe, ...]:
    """Measure between the first containers of each two hosts that a circuit, or a path of switches only, joins.

    ``count`` echoes go between the hosts and ``count`` between the containers, each after ``warm_up`` more, in each
    of ``families``, which the containers must have.

    Raises:
        OSError: the kernel refuses sockets.
    """
    lab, overlay = deployment.overlay.lab, deployment.overlay
    container_of = first_containers(deployment.spec)
    probes = []
    for (first, second), path in routed(lab.plan).items():
        if first not in container_of or second not in container_of:
            continue
        near, far = container_of[first], container_of[second]
        for family in families:
            overhead_bytes = overlay.ipv6_overhead_bytes if family == 6 else overlay.overhead_bytes
            work_us = echo_work_us(lab.plan, deployment.spec, (first, second), overhead_bytes, family)
            patience_s = _LEAST_PATIENCE_S + 3 * (expected_us(path, overhead_bytes, family, work_us) or 0.0) / 1e6
            address_of = _host_addresses(lab, family) | deployment.addresses_of(family)
            between_hosts, between_containers = (
                _samples_us(lab, node, address_of[node], address_of[target], count, warm_up, patience_s)
                for node, target in ((first, second), (near, far))
            )
            probe = pair_probe(
                (first, second),
                (near, far),
                path,
                overhead_bytes,
                median(between_hosts),
                between_containers,
                count,
                work_us=work_us,
                is_denied=not overlay.lets_through(near, far, family),
                family=family,
            )
            probes.append(probe)
    return tuple(probes)


def _host_addresses(lab: Lab, family: Family) -> dict[str, str]:
    found = {host.name: host.ipv6_loopback if family == 6 else host.loopback for host in lab.plan.hosts}
    return {name: address for name, address in found.items() if address is not None}


def _samples_us(
    lab: Lab, node: str, source: str, target: str, count: int, warm_up: int, patience_s: float
) -> tuple[float, ...]:
    with Echo(lab.namespace(node), source) as echo:
        return samples_us(lambda number: echo.round_trip_ns(target, number, patience_s), count, warm_up)
