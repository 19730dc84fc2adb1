"""The results of cells and of a whole benchmark, as values."""

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

    ``key`` is the hash of all that the cell depends on. ``wall_s`` is the real time that it took.
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


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a benchmark, in the order of its matrix. ``command`` is the command line that repeats it."""

    version: int
    testbed: str
    command: tuple[str, ...]
    cells: tuple[CellResult, ...]
