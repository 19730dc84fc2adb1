"""A workload's request and its result, as values that cross as JSON into the network and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Level: TypeAlias = Literal["containers", "hosts"]
"""Between what a workload measures: the first containers of two hosts, or the two hosts themselves."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a workload as a user writes it, such as ``congestion`` and ``bbr``."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Program:
    """A program that measures, where its name alone does not find it: its path, and its version for results."""

    name: str
    path: str
    version: str


@dataclass(frozen=True, slots=True)
class WorkloadRequest:
    """A measurement to be done: the hosts, the settings, and the duration in the network's clock.

    ``hosts`` are the two hosts of a pair, of which the first sends or asks and the second receives or answers; or all
    hosts, for a workload that measures the whole network. ``programs`` are those of the machine that measures, which
    finds them (`Workload.programs`) before the network starts.
    """

    name: str
    hosts: tuple[str, ...]
    level: Level = "containers"
    settings: tuple[Setting, ...] = ()
    duration_s: float = 10.0
    seed: int = 1
    programs: tuple[Program, ...] = ()


MOST = 1e100
"""The largest figure that is evaluated: the square of a larger one may not be a number any more."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a result. ``name`` is unique in the result: ``rtt.mean``. ``value`` is None if there is none."""

    name: str
    value: float | None
    unit: str


@dataclass(frozen=True, slots=True)
class Series:
    """Several numbers of one kind in the order in which they were measured, such as the samples of a round trip.

    ``interval_s`` is the time between two of them; None if it is not constant. ``began_s`` is when the first interval
    began, from the start of the measurement and of its scenario; None if that is unknown.
    """

    name: str
    unit: str
    values: tuple[float, ...]
    interval_s: float | None = None
    began_s: float | None = None


@dataclass(frozen=True, slots=True)
class WorkloadResult:
    """The result of a workload. ``tools`` are the programs that measured, each with its version."""

    tools: dict[str, str]
    figures: tuple[Figure, ...]
    series: tuple[Series, ...] = ()
    remarks: tuple[str, ...] = ()
    """Sentences that a reader of the figures must know."""

    def figure(self, name: str) -> float | None:
        """Return the value of a figure; None if the result has no such figure, or no value that can be added up."""
        value = next((item.value for item in self.figures if item.name == name), None)
        return None if value is None or abs(value) > MOST else value
