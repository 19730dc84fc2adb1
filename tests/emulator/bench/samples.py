"""Results of cells for tests."""

from __future__ import annotations

from emulator.bench.results import VERSION, CellResult, Environment, Machine, Origin, Results, Topology
from emulator.workloads.model import Figure, WorkloadResult

KEY = "0" * 32
ENVIRONMENT = Environment("7.3.4", "virtual", "0.2.0", "none", None)
MACHINE = Machine("Example CPU 3000", 2, 8 * 2**30, "Debian GNU/Linux 12 (bookworm), Linux 6.1.0")
ORIGIN = Origin("2026-11-28T19:00:00Z", "0.2.0", "0123456789ab", MACHINE)


def result(
    overlay: str = "none",
    mean_us: float | None = 36202.4,
    *,
    repetition: int = 1,
) -> CellResult:
    """Return the result of a cell of latency; without a mean, one that failed."""
    measured = None if mean_us is None else WorkloadResult({}, (Figure("rtt.mean", mean_us, "us"),))
    error = "timed out after 5 s: starting the store" if mean_us is None else None
    return CellResult(
        VERSION, KEY, "Mesh", "whole", ("h1", "h2"), overlay, "AMS-MIL", "latency", "containers", repetition, 1,
        ENVIRONMENT, measured, error, 1.5,
    )  # fmt: skip


def results_of(*cells: CellResult, topology: Topology | None = None) -> Results:
    """Return a benchmark with these cells."""
    topologies = () if topology is None else (topology,)
    return Results(VERSION, ("bench", "mesh.dsl"), ORIGIN, topologies, cells)
