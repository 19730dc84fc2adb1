"""The section about round trips: our samples, netperf's figures beside them, and distributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from emulator.bench.report.common import all_figures, distributions, ranges, remarks
from emulator.bench.report.groups import Group, Place, figures, labels, measured
from emulator.bench.report.headline import compared, headlines
from emulator.bench.report.model import Axis, Block, Code, Dot, DotPlot, Heading, Paragraph, Section, Table
from emulator.bench.report.numbers import fixed, number, signed
from emulator.bench.results import Results

_STATISTICS = ("min", "mean", "median", "p90", "p99", "max")


def latency(results: Results) -> Section | None:
    """Return the section; None if no round trip was measured."""
    groups = measured(results, "latency")
    if not groups:
        return None
    blocks: list[Block] = [_table(groups), *_levels(groups), *_netperf(groups), *_added(results)]
    blocks += distributions(groups, "rtt", Axis("round trip, ms"), 1e-3, "round trip")
    blocks += [*remarks(groups), all_figures(groups, "latency")]
    return Section("latency", "Round trips", tuple(blocks))


def _table(groups: Sequence[Group]) -> Table:
    label = labels(group.place for group in groups)
    rows = []
    for group in groups:
        times = (fixed(_ms(group.mean(f"rtt.{name}")), 4) for name in _STATISTICS)
        spread = (number(group.mean(f"rtt.{name}"), 2) for name in ("stddev", "jitter"))
        lost = number(group.mean("rtt.lost"), 2)
        rows.append((label[group.place], group.overlay, *times, *spread, lost))
    headings = ("circuit", "overlay", *_STATISTICS, "stddev", "jitter", "echoes")
    above = (Heading("", 2), Heading("round trip, ms", 6), Heading("µs", 2), Heading("lost", 1))
    return Table("Round trips of single packets, from samples", headings, tuple(rows), heads=2, groups=above)


def _levels(groups: Sequence[Group]) -> Iterator[Table]:
    """Yield a table of what containers add to their hosts, if both were measured, be it in two parts."""
    hosts = [group for group in groups if group.place.level == "hosts"]
    containers = [group for group in groups if group.place.level == "containers"]
    label = labels(group.place for group in containers)
    rows = []
    for group in containers:
        near = [it for it in hosts if _without_part(it.place) == _without_part(group.place)]
        near.sort(key=lambda it: (it.place.part != group.place.part, it.overlay != group.overlay))
        if near and (first := near[0].mean("rtt.mean")) is not None and (second := group.mean("rtt.mean")) is not None:
            means = (fixed(_ms(it), 4) for it in (first, second))
            rows.append((label[group.place], group.overlay, *means, signed(second - first, 2)))
    if rows:
        headings = ("circuit", "overlay", "hosts, ms", "containers, ms", "added, µs")
        yield Table(
            "Mean round trips: machine to machine beside container to container", headings, tuple(rows), heads=2
        )


def _without_part(place: Place) -> Place:
    return replace(place, part="", level="")


def _added(results: Results) -> Iterator[Block]:
    headline = next((item for item in headlines(results) if item.figure == "rtt.mean"), None)
    rows = [] if headline is None else [row for row in compared(results, headline) if row.change is not None]
    if not rows:
        return
    label = labels(row.place for row in rows)
    dots = tuple(
        Dot(label[row.place], row.overlay, row.change.difference, *(row.change.interval or (None, None)))
        for row in rows
        if row.change is not None
    )
    title = "Added to the mean round trip"
    axis = Axis("more than the baseline, µs", from_zero=True)
    yield DotPlot("round-trip-added", title, ranges(dots, "µs", 2), axis, "circuit", dots)


def _netperf(groups: Sequence[Group]) -> Iterator[Block]:
    """Yield netperf's figures beside those of the samples, and what they are worth."""
    tests = [name for name in ("udp_rr", "tcp_rr") if f"netperf.{name}.mean" in figures(groups)]
    if not tests:
        return
    label = labels(group.place for group in groups)
    rows = []
    for group in groups:
        own = [fixed(_ms(group.mean(f"rtt.{name}")), 3) for name in ("mean", "p99", "max")]
        theirs = [
            fixed(_ms(group.mean(f"netperf.{test}.{name}")), 3) for test in tests for name in ("mean", "p99", "max")
        ]
        rows.append((label[group.place], group.overlay, *own, *theirs))
    above = [Heading("", 2), Heading("samples, ms", 3), *(Heading(f"netperf {it.upper()}, ms", 3) for it in tests)]
    headings = ("circuit", "overlay", *(("mean", "p99", "max") * (1 + len(tests))))
    yield Table("netperf's figures beside the samples", headings, tuple(rows), heads=2, groups=tuple(above))
    yield histogram()
    if "tcp_rr" in tests:
        yield first_sample(groups)


def histogram() -> Paragraph:
    """Return the explanation of netperf's percentiles."""
    return Paragraph(
        (
            "netperf's p99 is not a figure of the network. netperf counts samples in buckets, which are 1 ms wide "
            "between 10 and 100 ms, and interpolates within the bucket. A circuit on which every sample is 36.20 ms "
            "therefore gets p99 = 36.99 ms, more than its maximum. Compare netperf's p99 only with netperf's p99. "
            "The p99 of samples is the network's.",
        )
    )


def first_sample(groups: Sequence[Group]) -> Paragraph:
    """Return the explanation of the first sample of ``TCP_RR``, with the figures that show it."""
    shown = next(
        (
            (group, most, least)
            for group in groups
            if (most := group.mean("netperf.tcp_rr.max")) is not None and (least := group.mean("netperf.tcp_rr.min"))
        ),
        None,
    )
    parts: list[str | Code] = [
        Code("TCP_RR"),
        "'s first sample has the connection in it, so its maximum is two round trips, and its mean is too large. ",
    ]
    if shown is not None:
        group, most, least = shown
        parts.append(
            f"Here, for {group.overlay} on {group.place.circuit}: maximum {fixed(_ms(most), 3)} ms, which is "
            f"{number(most / least, 2)} times the minimum. "
        )
    parts += [Code("UDP_RR"), " has no connection."]
    return Paragraph(tuple(parts))


def _ms(value_us: float | None) -> float | None:
    return None if value_us is None else value_us / 1000
