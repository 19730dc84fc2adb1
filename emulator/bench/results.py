"""The result of a cell: a value, and its file (docs/schema)."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.workloads.model import WorkloadResult

VERSION = 1


@dataclass(frozen=True, slots=True)
class Environment:
    """What a cell ran in, as far as its result depends on it."""

    kernel: str
    clock: str
    gtsdsl: str
    agent: str
    store: str | None


@dataclass(frozen=True, slots=True)
class CellResult:
    """A cell's result. ``error`` is the sentence of a failed cell, whose ``measured`` is None.

    ``key`` is the hash of all that the cell depends on. ``wall_s`` and ``processor_s`` are what it cost.
    """

    version: int
    key: str
    overlay: str
    circuit: str
    workload: str
    level: str
    repetition: int
    seed: int
    environment: Environment | None
    measured: WorkloadResult | None
    error: str | None
    wall_s: float
