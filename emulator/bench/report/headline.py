"""The figures by which overlays are compared on the first screen, and their changes from the baseline."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from emulator.bench.change import Change, change
from emulator.bench.report.groups import Group, Place, beside, figures, measured
from emulator.bench.results import Results


@dataclass(frozen=True, slots=True)
class Headline:
    """A figure that decides between overlays. ``noun`` names it in a sentence; ``better`` is the better direction.

    ``is_added`` is true for a figure of which only the difference from the baseline counts, such as a round trip.
    """

    workload: str
    figure: str
    noun: str
    heading: str
    unit: str
    better: Literal["less", "more"]
    is_added: bool = False


@dataclass(frozen=True, slots=True)
class Compared:
    """A headline of one overlay at one place: its mean, and its change from the baseline there."""

    place: Place
    overlay: str
    mean: float
    change: Change | None
    """None for the baseline, and where the baseline was not measured."""


def headlines(results: Results) -> tuple[Headline, ...]:
    """Return the headlines of the workloads that were measured."""
    found = []
    names = {name: figures(measured(results, name)) for name in dict.fromkeys(cell.workload for cell in results.cells)}
    for item in _ALL:
        if item.figure in names.get(item.workload, {}):
            found.append(item)
    lost = [name for name in names.get("throughput", {}) if name.startswith("udp.") and name.endswith(".lost")]
    if lost:
        most = max(lost, key=_rate)
        rate = most.removeprefix("udp.").removesuffix(".lost")
        noun = f"the lost part of UDP at {rate.removesuffix('M')} Mbit/s"
        heading = f"lost UDP at {rate.removesuffix('M')} Mbit/s"
        found.append(Headline("throughput", most, noun, heading, "%", "less"))
    clients = [name for name in names.get("streaming", {}) if name.startswith("clients.")]
    numbers = [int(name.split(".")[1]) for name in clients if name.split(".")[1].isdigit()]
    if numbers:
        most_clients = max(numbers)
        noun = f"the bit rate of each of {most_clients} clients of a video"
        heading = f"bit rate of {most_clients} clients"
        found.append(Headline("streaming", f"clients.{most_clients}.bitrate", noun, heading, "kbit/s", "more"))
    return tuple(sorted(found, key=lambda item: _ORDER.index(item.workload)))


def compared(results: Results, headline: Headline) -> tuple[Compared, ...]:
    """Return a headline of all overlays at all places: between containers, because hosts do not need an overlay."""
    groups = measured(results, headline.workload)
    own = [group for group in groups if group.place.level == "containers"]
    return tuple(_compared(own or groups, headline.figure, headline.unit))


def _compared(groups: Sequence[Group], figure: str, unit: str) -> Iterator[Compared]:
    for base, group in beside(groups):
        before, after = () if base is None else base.values(figure), group.values(figure)
        if after:
            item = change(before, after, unit, clock_of(group)) if before else None
            yield Compared(group.place, group.overlay, statistics.fmean(after), item)


def clock_of(group: Group) -> str:
    """Return the clock in which a group was measured; empty if its cells do not say it."""
    return next((cell.environment.clock for cell in group.cells if cell.environment is not None), "")


def _rate(name: str) -> float:
    """Return the rate in the name of a figure such as ``udp.900M.lost``; −1 if it has none."""
    try:
        return float(name.removeprefix("udp.").removesuffix(".lost").removesuffix("M"))
    except ValueError:
        return -1.0


_ALL = (
    Headline("latency", "rtt.mean", "the mean round trip", "mean round trip", "us", "less", is_added=True),
    Headline("throughput", "tcp.received", "the throughput of TCP", "throughput of TCP", "Mbit/s", "more"),
    Headline("convergence", "start.last", "the time until all pairs reach each other", "time to start", "s", "less"),
)
_ORDER = ("latency", "throughput", "streaming", "convergence")
