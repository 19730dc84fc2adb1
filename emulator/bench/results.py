"""The results of cells and of a whole benchmark, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from emulator.cpu.model import label
from emulator.workloads.model import Setting, WorkloadResult
from gtsdsl.scenario.outcome import Happening

VERSION = 6

Network: TypeAlias = Literal["whole", "pair"]
"""The network of a cell: the whole topology, or only the two hosts that it measures between and what joins them."""


def where(circuit: str, network: Network) -> str:
    """Return a circuit and its network in words, such as ``AMS-MIL`` or ``AMS-MIL point to point``."""
    return circuit if network == "whole" else f"{circuit} point to point"


def place_words(part: str, circuit: str, network: Network, variant: Variant) -> str:
    """Return the part, the circuit, its network and the variant of a cell in words."""
    text = (f"{part}: " if part else "") + where(circuit, network)
    return ", ".join(filter(None, (text, variant.words)))


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment that a cell ran in, as far as its result depends on it."""

    kernel: str
    clock: str
    gtsdsl: str
    agent: str
    store: str | None


@dataclass(frozen=True, slots=True)
class Variant:
    """The difference of a cell from others at the same place: a text of ``--each-cpus``, a word of ``--each-offload``.

    A text is empty where the benchmark does not compare several.
    """

    cpus: str = ""
    offload: str = ""

    @property
    def words(self) -> str:
        """The variant in words: ``cpus 0.5, offload off``; empty if there are no others."""
        found = (f"cpus {self.cpus}" if self.cpus else "", f"offload {self.offload}" if self.offload else "")
        return ", ".join(filter(None, found))


@dataclass(frozen=True, slots=True)
class Processors:
    """The processors of the hosts that a cell measured between, by the hosts' names, and what packets cost there.

    ``limits`` are those of containers, by their names.
    ``table`` and ``sha256`` are the name and the digest of the cost table. ``stages`` are those of the way of the
    packets that were measured (`emulator.cpu.model`).
    """

    table: str
    sha256: str
    offload: bool
    cpus: dict[str, float]
    stages: tuple[str, ...]
    limits: dict[str, float] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The table, the processors, the limits and the offload in a line."""
        return label(self.table, self.sha256, self.cpus, self.limits, offload=self.offload)


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
    cpu: Processors | None = None
    """The processors, if packets cost time there; None without costs."""
    variant: Variant = field(default_factory=Variant)

    @property
    def where(self) -> str:
        """The part, the circuit, its network and the variant in words.

        ``AMS-MIL point to point``, ``mesh: AMS-MIL``, ``AMS-BRA, cpus 0.5, offload off``.
        """
        return place_words(self.part, self.circuit, self.network, self.variant)


@dataclass(frozen=True, slots=True)
class Machine:
    """The computer that a benchmark ran on: its processor's model, how many it has, its memory, its system."""

    processor: str
    processors: int
    memory_bytes: int
    system: str


@dataclass(frozen=True, slots=True)
class Origin:
    """The time and the machine of a benchmark: in the virtual clock, no figure depends on them.

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
class CostTableText:
    """A cost table that cells were measured with: its name, the digest of its text, and the text, which is TOML."""

    name: str
    sha256: str
    text: str


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
    cost_tables: tuple[CostTableText, ...] = ()
