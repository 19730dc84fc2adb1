"""A deployment to the round trip between its containers over each circuit, beside that between their hosts."""

from __future__ import annotations

import statistics

from emulator.deployment import Deployment
from emulator.echo import FRAME_BYTES, Echo
from emulator.network import EmulatedNetwork
from emulator.overlays.model import PairProbe
from emulator.plan import Circuit, Plan

_LEAST_PATIENCE_S = 1.0


def probe_overlay(
    network: EmulatedNetwork, deployment: Deployment, *, count: int = 10, warm_up: int = 1
) -> tuple[PairProbe, ...]:
    """Measure between the hosts that a circuit, or a path of switches only, joins; ``count`` echoes each.

    Raises:
        OSError: sockets are refused.
    """
    container_of = deployment.container_of
    found = []
    for (first, second), path in joined(network.plan).items():
        if first in container_of and second in container_of:
            near, far = container_of[first], container_of[second]
            expected = None if path is None else _expected_us(path, deployment.overlay.overhead_bytes)
            patience_s = _LEAST_PATIENCE_S + 3 * (expected or 0.0) / 1e6
            machine = _samples_us(network, first, network.get(second).loopback, count, warm_up, patience_s)
            samples = _samples_us(network, near, deployment.addresses[far], count, warm_up, patience_s)
            measured = _median(samples)
            found.append(
                PairProbe(
                    first=first,
                    second=second,
                    containers=(near, far),
                    circuits=tuple(circuit.id for circuit in path or ()),
                    expected_us=expected,
                    machine_us=_median(machine),
                    container_us=measured,
                    error_us=None if measured is None or expected is None else round(measured - expected, 3),
                    sent=count,
                    lost=count - len(samples),
                    samples_us=samples,
                )
            )
    return tuple(found)


def _expected_us(path: tuple[Circuit, ...], overhead_bytes: int) -> float:
    total_ns = 0.0
    for end in (end for circuit in path for end in circuit.ends if end.egress is not None):
        if end.egress is not None:
            total_ns += end.egress.delay_ns + (FRAME_BYTES + overhead_bytes) * 8 * 1e9 / end.egress.rate_bps
    return round(total_ns / 1000, 3)


def _median(samples: tuple[float, ...]) -> float | None:
    return statistics.median(samples) if samples else None


def _samples_us(
    network: EmulatedNetwork, near: str, target: str, count: int, warm_up: int, patience_s: float
) -> tuple[float, ...]:
    """Round trips from a node's own address to another, of those that came back."""
    descriptor = network.underlay.namespaces[near].descriptor
    with Echo(descriptor, network.get(near).loopback) as echo:
        times = [echo.round_trip_ns(target, number, patience_s) for number in range(warm_up + count)]
    return tuple(time_ns / 1000 for time_ns in times[warm_up:] if time_ns is not None)


def joined(plan: Plan) -> dict[tuple[str, str], tuple[Circuit, ...] | None]:
    """The pairs of hosts that have a circuit, or only switches, between them, in the order of the circuits.

    For each pair the circuits on the way; None where a loop of switches leaves several ways. Of parallel circuits
    between two hosts it is the fastest, as for the plan's routes.
    """
    switches = {switch.name for switch in plan.switches}
    stores = {host.name for host in plan.hosts if host.is_store}
    at: dict[str, list[tuple[Circuit, str]]] = {}
    for circuit in plan.circuits:
        at.setdefault(circuit.first.node, []).append((circuit, circuit.second.node))
        at.setdefault(circuit.second.node, []).append((circuit, circuit.first.node))
    loops = any(switch.spanning_tree for switch in plan.switches)
    found: dict[tuple[str, str], tuple[Circuit, ...] | None] = {}
    for host in plan.hosts:
        waiting: list[tuple[str, tuple[Circuit, ...]]] = [(node, (circuit,)) for circuit, node in at.get(host.name, ())]
        seen: set[str] = set()
        while waiting:
            node, path = waiting.pop(0)
            if node in switches:
                if node not in seen:
                    seen.add(node)
                    waiting += [(other, (*path, circuit)) for circuit, other in at[node] if circuit not in path]
                continue
            pair = host.name, node
            if node == host.name or (node, host.name) in found or {*pair} & stores:
                continue
            way = None if loops and len(path) > 1 else path
            known = found.get(pair)
            if pair not in found or _is_faster(way, known):
                found[pair] = way
    return found


def _is_faster(way: tuple[Circuit, ...] | None, known: tuple[Circuit, ...] | None) -> bool:
    """Whether of two parallel circuits the plan's routes take this one; a circuit goes before a way over switches."""
    is_parallel = way is not None and known is not None and len(way) == len(known) == 1
    return is_parallel and way is not None and known is not None and way[0].rtt_ns < known[0].rtt_ns
