"""Throughput with a cost table to cases: one for each overlay, number of processors, offload and neighbours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.bench.report.groups import Group, measured
from emulator.bench.report.numbers import number
from emulator.bench.report.udp import by_rate
from emulator.bench.results import Results
from gtsdsl.text import printable

LOST_PERCENT = 1.0
"""The lost part of UDP from which a loss counts."""
KEPT_PERCENT = 90.0
"""The part of the circuit's limit from which on TCP counts as not slowed down."""


@dataclass(frozen=True, slots=True)
class Setup:
    """The setup that overlays are compared in: the processors of the host that has fewest, and the neighbours.

    ``neighbours`` is the name of a scenario's part; empty without a scenario. ``place`` is empty if there is one only.
    """

    cpus: float
    neighbours: str
    place: str = ""

    @property
    def label(self) -> str:
        """The setup in words: ``0.5 cores, noisy neighbours``."""
        cores = f"{self.cpus:g} {'core' if self.cpus == 1 else 'cores'}"
        return ", ".join(filter(None, (self.place, cores, self.neighbours)))


@dataclass(frozen=True, slots=True)
class Case:
    """The repetitions of one overlay under a setup, with or without offload."""

    group: Group
    setup: Setup
    has_offload: bool

    @property
    def overlay(self) -> str:
        """The overlay and its variant."""
        return self.group.overlay

    @property
    def received(self) -> dict[float, float]:
        """The rate of UDP that arrived, by the rate that was sent; both in Mbit/s."""
        return by_rate(self.group, "received")

    @property
    def lost(self) -> dict[float, float]:
        """The lost part of UDP in percent, by the rate that was sent."""
        return by_rate(self.group, "lost")

    @property
    def tcp(self) -> float | None:
        """The rate of TCP that arrived, in Mbit/s."""
        return self.group.mean("tcp.received")

    @property
    def tcp_percent(self) -> float | None:
        """TCP's part of what the circuit allows; None without a limit."""
        received, limit = self.tcp, self.group.mean("tcp.limit")
        return None if received is None or not limit else 100 * received / limit

    @property
    def is_lossy(self) -> bool:
        """Whether UDP loses packets at the highest rate that was sent."""
        lost = self.lost
        return bool(lost) and lost[max(lost)] >= LOST_PERCENT

    @property
    def has_anomaly(self) -> bool:
        """Whether UDP loses what TCP does not."""
        return self.is_lossy and self.tcp_percent is not None and self.tcp_percent >= KEPT_PERCENT


def setup_words(group: Group) -> str:
    """Return what packets cost while a group was measured: ``0.5 cores, noisy neighbours, offload on``."""
    case = _case(group, has_places=False)
    if case is None:
        return "packets cost nothing"
    return f"{case.setup.label}, offload {'on' if case.has_offload else 'off'}"


def cases_of(results: Results) -> tuple[Case, ...]:
    """Return the cases of a benchmark; none if no throughput was measured with a cost table."""
    groups = [group for group in measured(results, "throughput") if group.cells[0].cpu is not None]
    places = {(it.place.testbed, it.place.network, it.place.circuit, it.place.level) for it in groups}
    return tuple(case for group in groups if (case := _case(group, has_places=len(places) > 1)) is not None)


def _case(group: Group, *, has_places: bool) -> Case | None:
    cpu = group.cells[0].cpu
    if cpu is None or not cpu.cpus:
        return None
    is_scenario = any(cell.scenario for cell in group.cells)
    neighbours = printable(group.place.part or "scenario", 40) if is_scenario else ""
    place = f"{group.place.circuit} {group.place.level}" if has_places else ""
    return Case(group, Setup(min(cpu.cpus.values()), neighbours, printable(place, 60)), cpu.offload)


def setups(cases: Iterable[Case]) -> tuple[Setup, ...]:
    """Return the setups of cases: those without neighbours and with most processors first."""
    found = dict.fromkeys(case.setup for case in cases)
    return tuple(sorted(found, key=lambda it: (it.place, bool(it.neighbours), -it.cpus)))


def under(cases: Sequence[Case], setup: Setup, *, has_offload: bool) -> tuple[Case, ...]:
    """Return the cases of a setup, one for each overlay."""
    return tuple(case for case in cases if case.setup == setup and case.has_offload == has_offload)


def main_cases(cases: Sequence[Case], setup: Setup) -> tuple[Case, ...]:
    """Return the cases of a setup with offload, which is what hosts usually have; else those without."""
    return under(cases, setup, has_offload=True) or under(cases, setup, has_offload=False)


def span(values: Iterable[float], digits: int = 1) -> str:
    """Return the least and the most of some numbers: ``94.2 to 95``."""
    numbers = [*values]
    low, high = number(min(numbers), digits), number(max(numbers), digits)
    return low if low == high else f"{low} to {high}"
