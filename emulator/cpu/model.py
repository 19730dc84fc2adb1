"""The model of a host's processors: which costs a packet has, how long it waits, where a core is full.

A core is a queue with one server: packets wait in the order in which they came, and each takes its cost. The stages of
a packet's way follow each other without a pause, as the kernel runs them, so a packet's cost is the sum over them.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field

from emulator.cpu.table import OPTIONAL_STAGES, Cost, CostTable

OWN_STAGES = ("nic", "socket")
"""The stages of a packet from or to a program on a host itself."""
TRANSIT_STAGES = ("nic", "forward", "nic")
"""The stages of a packet that a host forwards from one circuit to another."""
INSIDE_STAGES = ("veth", "socket")
"""The stages of a container's packet in the container itself, whose limit counts them."""
CONTAINER_STAGES = ("nic", *INSIDE_STAGES)
"""The stages that all packets of a container have; an overlay adds its own."""

MAX_CORES = 64


@dataclass(frozen=True, slots=True)
class CpuModel:
    """The processors of a network's hosts: the costs of a table, with or without offload, and each host's share.

    ``table`` is the name of the table, and ``sha256`` its digest. ``cpus`` are the processors of each host, by its
    name: 0.5 is half of one. ``limits`` are those of containers that have a limit of their own, by their name.
    ``backlog_packets`` is the most packets that wait for a core, or for a container's limit.
    """

    table: str
    sha256: str
    offload: bool
    backlog_packets: int
    costs: dict[str, Cost]
    cpus: dict[str, float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, table: CostTable, cpus: Mapping[str, float], *, offload: bool) -> CpuModel:
        """Return the model of a table; ``cpus`` are the processors by host."""
        costs = {name: stage.of(offload=offload) for name, stage in table.stages.items()}
        if "rule" in costs:
            costs["rule"] *= table.rules
        return cls(table.name, table.sha256, offload, table.backlog_packets, costs, dict(cpus))

    @property
    def label(self) -> str:
        """The model in a line, for results: ``study-2016 (1f0a…), cpus 1 to 2, c2 at most 0.25, offload on``."""
        return label(self.table, self.sha256, self.cpus, self.limits, offload=self.offload)

    def missing(self, stages: Sequence[str]) -> tuple[str, ...]:
        """Return the needed stages of a way that the table has no cost for."""
        return missing_stages(self.costs, stages)

    def cost(self, stages: Sequence[str]) -> Cost:
        """Return the cost of a packet with these stages on a whole core; all rules are added once."""
        return self._sum((*stages, "rule"))

    @property
    def inside(self) -> Cost:
        """The cost of a packet inside its container, on a whole core."""
        return self._sum(INSIDE_STAGES)

    def queues(self, host: str) -> int:
        """Return the number of a host's queues: one for each core that it has, in part or as a whole."""
        return math.ceil(self.cpus[host])

    def on(self, host: str, stages: Sequence[str], cpus: float | None = None) -> Cost:
        """Return the cost of a packet on a host: of half a core, all work takes twice as long.

        ``cpus`` are the processors that are left to the host, whose queues stay; None is all that it has.
        """
        return self.cost(stages) * (self.queues(host) / (self.cpus[host] if cpus is None else cpus))

    def _sum(self, stages: Sequence[str]) -> Cost:
        return sum((self.costs.get(stage, Cost()) for stage in stages), Cost())


def missing_stages(costs: Container[str], stages: Sequence[str]) -> tuple[str, ...]:
    """Return the needed stages of a way that are not among those with a cost."""
    return tuple(dict.fromkeys(it for it in stages if it not in costs and it not in OPTIONAL_STAGES))


def label(table: str, sha256: str, cpus: Mapping[str, float], limits: Mapping[str, float], *, offload: bool) -> str:
    """Return a table, the processors of hosts, the limits of containers and the offload in a line, for results."""
    shares = sorted({*cpus.values()})
    text = f"{shares[0]:g}" if len(shares) == 1 else f"{shares[0]:g} to {shares[-1]:g}"
    words = [
        f"{table} ({sha256[:12]})",
        f"cpus {text}",
        *limit_texts(limits),
        f"offload {'on' if offload else 'off'}",
    ]
    return ", ".join(words)


def limit_texts(limits: Mapping[str, float]) -> list[str]:
    """Return the limits of containers in words: ``c2 at most 0.25``."""
    return [f"{name} at most {limit:g}" for name, limit in limits.items()]


def capacity_pps(cost: Cost, frame_bytes: float) -> float:
    """Return the most packets a second that a core takes: above it, a flow of UDP loses packets (the knee)."""
    service_ns = cost.of(frame_bytes)
    return 1e9 / service_ns if service_ns else math.inf


def mean_wait_ns(cost: Cost, frame_bytes: float, packets_per_s: float) -> float:
    """Return the mean time that a packet waits for a core, if packets come at random (Poisson) and are of one size.

    This is the queue M/D/1: ``rho / (2 mu (1 - rho))`` with the load ``rho`` and the rate of service ``mu`` (Pollaczek
    and Khinchin).

    Raises:
        ValueError: packets come faster than the core takes them, so that they wait ever longer.
    """
    service_ns = cost.of(frame_bytes)
    load = packets_per_s * service_ns / 1e9
    if not load < 1:
        raise ValueError("packets come faster than a core takes them")
    return load * service_ns / (2 * (1 - load))
