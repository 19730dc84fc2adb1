"""The section about throughput: TCP beside what the circuit allows, its course, and UDP at several rates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from emulator.bench.change import bootstrap
from emulator.bench.report.common import against, all_figures, courses, ranges, remarks
from emulator.bench.report.groups import Group, figures, labels, measured, pictured
from emulator.bench.report.model import Axis, Block, Dot, DotPlot, Heading, Paragraph, Section, Table
from emulator.bench.report.numbers import number, slug
from emulator.bench.report.udp import by_rate, rates
from emulator.bench.results import Results

_SUFFIX = ".received"


def throughput(results: Results) -> Section | None:
    """Return the section; None if no throughput was measured."""
    groups = measured(results, "throughput")
    if not groups:
        return None
    blocks: list[Block] = [*_tcp(groups), *_udp(groups), *remarks(groups), all_figures(groups, "throughput")]
    return Section("throughput", "Throughput", tuple(blocks))


def _tcp(groups: Sequence[Group]) -> Iterator[Block]:
    names = [name for name in figures(groups) if name.startswith("tcp") and name.endswith(_SUFFIX)]
    if not names:
        return
    label = labels(group.place for group in groups)
    rows = []
    for group in groups:
        for name in names:
            received = group.mean(name)
            if received is None:
                continue
            stem = name.removesuffix(_SUFFIX)
            limit = _limit(group, stem)
            share = None if received is None or not limit else 100 * received / limit
            again = group.mean(f"{stem}.retransmissions")
            kinds = (_kind(stem),) if len(names) > 1 else ()
            numbers = (number(received, 1), number(limit, 1), number(share, 1), number(again, 1))
            rows.append((label[group.place], group.overlay, *kinds, *numbers))
    kind_heading = ("kind",) if len(names) > 1 else ()
    headings = (
        "circuit",
        "overlay",
        *kind_heading,
        "received, Mbit/s",
        "limit, Mbit/s",
        "% of the limit",
        "sent again",
    )
    yield Table("TCP: payload that arrived", headings, tuple(rows), heads=2 + len(kind_heading))
    yield Paragraph(
        (
            "The limit is what the circuit's rate leaves for payload under the overlay's headers. A TCP connection "
            "needs some round trips to reach it, so short measurements over long circuits stay below.",
        ),
        "note",
    )
    for name in names:
        kind = _kind(name.removesuffix(_SUFFIX))
        yield from _dots(groups, name, f"TCP {kind}".strip())
    for name in names:
        kind = _kind(name.removesuffix(_SUFFIX))
        yield from courses(groups, name, Axis("received, Mbit/s", from_zero=True), f"TCP {kind}".strip())


def _kind(stem: str) -> str:
    return stem.removeprefix("tcp").removeprefix(".")


def _limit(group: Group, stem: str) -> float | None:
    limit = group.mean(f"{stem}.limit")
    return group.mean("tcp.limit") if limit is None else limit


def _dots(groups: Sequence[Group], name: str, noun: str) -> Iterator[DotPlot]:
    places = pictured(groups)
    label = labels(places)
    dots = []
    for place, group in ((place, group) for place, found in places.items() for group in found):
        mean = group.mean(name)
        if mean is not None:
            low, high = _interval(group.values(name), mean)
            limit = _limit(group, name.removesuffix(_SUFFIX))
            dots.append(Dot(label[place], group.overlay, mean, low, high, limit))
    axis = Axis("received, Mbit/s")
    if dots:
        yield DotPlot(
            slug(name, "by-circuit"), f"{noun} by circuit", ranges(dots, "Mbit/s", 1), axis, "circuit", tuple(dots)
        )


def _interval(values: Sequence[float], mean: float) -> tuple[float | None, float | None]:
    """Return the 95 % bootstrap interval of a mean; no interval if the values do not differ."""
    if len(set(values)) < 2:
        return None, None
    low, high = bootstrap([0.0], values)
    return min(low, mean), max(high, mean)


def _udp(groups: Sequence[Group]) -> Iterator[Block]:
    sent = rates(figures(groups))
    if not sent:
        return
    label = labels(group.place for group in groups)
    rows = []
    for group in groups:
        lost = (number(group.mean(f"udp.{rate}M.lost"), 2) for rate in sent)
        jitter = (number(group.mean(f"udp.{rate}M.jitter"), 3) for rate in sent)
        rows.append((label[group.place], group.overlay, *lost, *jitter))
    above = (Heading("", 2), Heading("lost, %, at Mbit/s", len(sent)), Heading("jitter, ms, at Mbit/s", len(sent)))
    headings = ("circuit", "overlay", *sent, *sent)
    yield Table("UDP at fixed rates", headings, tuple(rows), heads=2, groups=above)
    if all(not group.mean(f"udp.{rate}M.lost") for group in groups for rate in sent):
        yield Paragraph(("No overlay lost a datagram at any rate.",))
    else:
        yield from against(groups, partial(by_rate, kind="lost"), _RATE, Axis("lost, %", from_zero=True), "UDP lost")
    yield from against(groups, partial(by_rate, kind="jitter"), _RATE, Axis("jitter, ms", from_zero=True), "UDP jitter")


_RATE = Axis("rate, Mbit/s", from_zero=True)
