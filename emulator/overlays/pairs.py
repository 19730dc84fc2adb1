"""The pairs of hosts that an overlay is measured between, and the evaluation of their round trips."""

from __future__ import annotations

import statistics

from emulator.measure.echo import FRAME_BYTES, IPV6_FRAME_BYTES
from emulator.measure.probe import Family
from emulator.overlays.model import PairProbe
from emulator.plan import Circuit, Plan
from emulator.plan.routing import LeastCosts, cost_of


def pair_probe(
    hosts: tuple[str, str],
    containers: tuple[str, str],
    path: tuple[Circuit, ...] | None,
    overhead_bytes: int,
    machine_us: float | None,
    samples_us: tuple[float, ...],
    count: int,
    *,
    work_us: float = 0.0,
    is_denied: bool = False,
    family: Family = 4,
) -> PairProbe:
    """Return the probe of a pair of hosts.

    ``containers`` are the first containers of the two hosts. ``path`` are the circuits between the hosts; None if there
    are several paths. ``machine_us`` is the median round trip between the hosts. ``samples_us`` are the round trips
    between the containers that were answered, of ``count`` echoes. ``work_us`` is the processor time of a round trip.
    ``is_denied`` says that policies deny the echoes. ``family`` is 4 for echoes of IPv4, and 6 for those of IPv6.
    """
    expected, measured = expected_us(path, overhead_bytes, family, work_us), median(samples_us)
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
        is_denied=is_denied,
        family=family,
    )


def expected_us(
    path: tuple[Circuit, ...] | None, overhead_bytes: int, family: Family = 4, work_us: float = 0.0
) -> float | None:
    """Return the computed round trip between containers over some circuits, in µs; None if ``path`` is None.

    ``family`` is the echoes' family of addresses: 4 or 6. ``work_us`` is the processor time in the round trip.
    """
    if path is None:
        return None
    total_ns, frame_bytes = 0.0, IPV6_FRAME_BYTES if family == 6 else FRAME_BYTES
    for end in (end for circuit in path for end in circuit.ends if end.egress is not None):
        if end.egress is not None:
            total_ns += end.egress.delay_ns + (frame_bytes + overhead_bytes) * 8 * 1e9 / end.egress.rate_bps
    return round(total_ns / 1000 + work_us, 3)


def median(samples: tuple[float, ...]) -> float | None:
    """Return the median; None without samples."""
    return statistics.median(samples) if samples else None


def joined(plan: Plan) -> dict[tuple[str, str], tuple[Circuit, ...] | None]:
    """Return the pairs of hosts that a circuit or a path of switches joins, each with its path.

    A path is a tuple of circuits; it is None if it passes switches that form a loop, which allows several paths. Of
    parallel circuits between two hosts, the path has the fastest, as the plan's routes have.
    """
    switches = {switch.name for switch in plan.switches}
    stores = {host.name for host in plan.hosts if host.is_store}
    neighbours: dict[str, list[tuple[Circuit, str]]] = {}
    for circuit in plan.circuits:
        neighbours.setdefault(circuit.first.node, []).append((circuit, circuit.second.node))
        neighbours.setdefault(circuit.second.node, []).append((circuit, circuit.first.node))
    loops = any(switch.spanning_tree for switch in plan.switches)
    paths: dict[tuple[str, str], tuple[Circuit, ...] | None] = {}
    for host in plan.hosts:
        waiting: list[tuple[str, tuple[Circuit, ...]]] = [
            (node, (circuit,)) for circuit, node in neighbours.get(host.name, ())
        ]
        seen: set[str] = set()
        while waiting:
            node, path = waiting.pop(0)
            if node in switches:
                if node not in seen:
                    seen.add(node)
                    waiting += [(other, (*path, circuit)) for circuit, other in neighbours[node] if circuit not in path]
                continue
            pair = host.name, node
            if node == host.name or (node, host.name) in paths or {*pair} & stores:
                continue
            only_path = None if loops and len(path) > 1 else path
            if pair not in paths or _is_faster(only_path, paths[pair]):
                paths[pair] = only_path
    return paths


def routed(plan: Plan) -> dict[tuple[str, str], tuple[Circuit, ...] | None]:
    """Return the pairs of `joined`; the path of two hosts is None, too, if OSPF sends their packets by a detour."""
    found = joined(plan)
    if plan.routing is None:
        return found
    least = LeastCosts.in_plan(plan).of
    for pair, path in found.items():
        ends = {end.node: end for circuit in (path or ()) for end in circuit.ends}
        if path is not None and any(
            cost_of(ends[near]) != least[near][plan.loopback(far)][1] for near, far in (pair, pair[::-1])
        ):
            found[pair] = None
    return found


def _is_faster(path: tuple[Circuit, ...] | None, other: tuple[Circuit, ...] | None) -> bool:
    """Return whether both paths are single, parallel circuits, and the plan's routes prefer the first."""
    return path is not None and other is not None and len(path) == len(other) == 1 and path[0].rtt_ns < other[0].rtt_ns
