"""A plan to the pairs of hosts between which an overlay is measured, and echoes to what a result says of a pair."""

from __future__ import annotations

import statistics

from emulator.measure.echo import FRAME_BYTES
from emulator.overlays.model import PairProbe
from emulator.plan import Circuit, Plan


def pair_probe(
    hosts: tuple[str, str],
    containers: tuple[str, str],
    path: tuple[Circuit, ...] | None,
    overhead_bytes: int,
    machine_us: float | None,
    samples_us: tuple[float, ...],
    count: int,
) -> PairProbe:
    """What follows from the round trips between two containers, of which ``count`` were tried."""
    expected, measured = expected_us(path, overhead_bytes), median(samples_us)
    return PairProbe(
        first=hosts[0],
        second=hosts[1],
        containers=containers,
        circuits=tuple(circuit.id for circuit in path or ()),
        expected_us=expected,
        machine_us=machine_us,
        container_us=measured,
        error_us=None if measured is None or expected is None else round(measured - expected, 3),
        sent=count,
        lost=count - len(samples_us),
        samples_us=samples_us,
    )


def expected_us(path: tuple[Circuit, ...] | None, overhead_bytes: int) -> float | None:
    """The round trip between containers over some circuits; None where there is more than one way."""
    if path is None:
        return None
    total_ns = 0.0
    for end in (end for circuit in path for end in circuit.ends if end.egress is not None):
        if end.egress is not None:
            total_ns += end.egress.delay_ns + (FRAME_BYTES + overhead_bytes) * 8 * 1e9 / end.egress.rate_bps
    return round(total_ns / 1000, 3)


def median(samples: tuple[float, ...]) -> float | None:
    """The median; None of nothing."""
    return statistics.median(samples) if samples else None


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
