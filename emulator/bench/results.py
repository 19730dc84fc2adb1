"""The results of cells and of a whole benchmark, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from emulator.workloads.model import Setting, WorkloadResult
from gtsdsl.scenario.outcome import Happening

VERSION = 5

Network: TypeAlias = Literal["whole", "pair"]
"""The network of a cell: the whole topology, or only the two hosts that it measures between and what joins them."""


def where(circuit: str, network: Network) -> str:
    """Return a circuit and its network in words, such as ``AMS-MIL`` or ``AMS-MIL point to point``."""
    return circuit if network == "whole" else f"{circuit} point to point"


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

    ``part`` is the name of the benchmark's part; empty for a benchmark without parts. ``key`` is the hash of all that
    the cell depends on. ``testbed`` is the id of its topology. ``hosts`` are those that
    it measured between. ``wall_s`` is the real time that it took.
    """

    version: int
    key: str
    testbed: str
    network: Network
    hosts: tuple[str, ...]
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
    duration_s: float = 10.0
    """The duration that was asked for, in the network's clock."""
    settings: tuple[Setting, ...] = ()
    """The workload's settings that are not the defaults."""
    memory_bytes: int = 0
    """The memory of the guest, which TCP's buffers follow."""
    part: str = ""
    scenario: tuple[Happening, ...] = ()
    """The scenario's events while the cell was measured, in the order of time; empty without a scenario."""
    cpu: str | None = None
    """The cost table of the hosts' processors, their number, and whether there is offload; None without costs."""

    @property
    def where(self) -> str:
        """The part, the circuit and its network in words, such as ``AMS-MIL point to point`` or ``mesh: AMS-MIL``."""
        return (f"{self.part}: " if self.part else "") + where(self.circuit, self.network)


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer that a benchmark ran on: its processor's model, how many it has, its memory, its system."""

    processor: str
    processors: int
    memory_bytes: int
    system: str


@dataclass(frozen=True, slots=True)
class Origin:
    """When and on what a benchmark ran: in the virtual clock, no figure depends on it.

    ``started`` is a time of UTC, as ``2026-11-28T19:00:00Z``. ``commit`` is None if gtsdsl is not a checkout, and ends
    in ``-dirty`` if files were changed.
    """

    started: str
    gtsdsl: str
    commit: str | None
    machine: Machine


@dataclass(frozen=True, slots=True)
class Topology:
    """A topology that was measured: the testbed's id, the testbed as GTS JSON, and the user's own circuits as JSON.

    ``circuits`` is None if the user gave no round trips of their own (see `gtsdsl.circuits.to_json`).
    """

    testbed: str
    gts_json: str
    circuits: str | None


@dataclass(frozen=True, slots=True)
class Results:
    """The results of a benchmark, in the order of its matrix.

    ``command`` is the command line that repeats it, without the program's name: ``bench``, ``run``, the file, and each
    option that was given, as ``--overlays=none,flannel`` or ``--hosts-too``.
    """

    version: int
    command: tuple[str, ...]
    origin: Origin
    topologies: tuple[Topology, ...]
    cells: tuple[CellResult, ...]
