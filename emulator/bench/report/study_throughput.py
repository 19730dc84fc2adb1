"""The section with the study's table of throughput, and our figures in its layout."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias

from emulator.bench.report.cases import setup_words
from emulator.bench.report.groups import Group, measured
from emulator.bench.report.model import Block, Heading, Paragraph, Section, Table
from emulator.bench.report.numbers import fixed
from emulator.bench.report.study import STUDY_OVERLAYS
from emulator.bench.report.udp import by_rate
from emulator.bench.results import Results

_FILE = Path(__file__).with_name("study_throughput.json")
_BASELINE = "none"

Rates: TypeAlias = tuple[float | None, float | None]
"""The rates of TCP and UDP in Mbit/s."""


@dataclass(frozen=True, slots=True)
class _Throughput:
    """A measurement of the study: between the hosts of an overlay's instance, and between their containers."""

    hosts: Rates
    containers: Rates


@cache
def _study() -> tuple[str, dict[str, dict[str, _Throughput]]]:
    """Return the source, and the study's throughput by circuit and overlay."""
    data = json.loads(_FILE.read_text(encoding="utf-8"))
    circuits = {
        circuit: {overlay: _Throughput((it[0], it[1]), (it[2], it[3])) for overlay, it in overlays.items()}
        for circuit, overlays in data["circuits"].items()
    }
    return data["source"], circuits


def study_throughput(results: Results) -> Section | None:
    """Return the section; None if no circuit of the study was measured with one of its overlays."""
    groups = [group for group in measured(results, "throughput") if group.place.level == "containers"]
    # the study's pairs had a network of their own, so these replace the same pairs in a whole topology
    groups.sort(key=lambda group: group.place.network == "pair")
    source, circuits = _study()
    rows = [row for circuit, theirs in circuits.items() for row in _rows(circuit, theirs, groups)]
    if not rows:
        return None
    above = (Heading("", 2), *(Heading(name.capitalize(), 2) for name in STUDY_OVERLAYS))
    headings = ("circuit", "whose", *(("TCP", "UDP") * len(STUDY_OVERLAYS)))
    caption = "Throughput in Mbit/s, in the layout of the study's table; UDP is what arrives at the highest rate"
    blocks: tuple[Block, ...] = (
        Table(caption, headings, tuple(rows), heads=2, groups=above),
        _what_theirs_say(),
        Paragraph((f"Source of the study's figures: {source}.",), "note"),
    )
    return Section("study-throughput", "Throughput beside the study of 2016", blocks)


def _rows(circuit: str, theirs: dict[str, _Throughput], groups: Sequence[Group]) -> Iterator[tuple[str, ...]]:
    sites = frozenset(circuit.split("-"))
    ours: dict[str, dict[str, Group]] = {}
    for group in groups:
        if frozenset(group.place.circuit.split("-")) == sites:
            ours.setdefault(setup_words(group), {})[group.overlay] = group
    if not any(variant in found for found in ours.values() for variant in STUDY_OVERLAYS.values()):
        return
    label = circuit.replace("-", "–")
    yield (label, "study, hosts", *_texts([theirs[name].hosts for name in STUDY_OVERLAYS]))
    for words, found in ours.items():
        if (plain := found.get(_BASELINE)) is not None:
            yield (label, f"here, no overlay, {words}", *_texts([_ours(plain)] * len(STUDY_OVERLAYS)))
    yield (label, "study, containers", *_texts([theirs[name].containers for name in STUDY_OVERLAYS]))
    for words, found in ours.items():
        rates = [_ours(found.get(variant)) for variant in STUDY_OVERLAYS.values()]
        if any(rate is not None for pair in rates for rate in pair):
            yield (label, f"here, {words}", *_texts(rates))


def _ours(group: Group | None) -> Rates:
    if group is None:
        return (None, None)
    received = by_rate(group, "received")
    return (group.mean("tcp.received"), received[max(received)] if received else None)


def _texts(rates: Sequence[Rates]) -> Iterator[str]:
    yield from (fixed(rate, 1) for pair in rates for rate in pair)


def _what_theirs_say() -> Paragraph:
    """Return what the study's own figures say of all its circuits, and what the model cannot repeat of it."""
    every = [it for overlays in _study()[1].values() for it in overlays.values()]
    faster = sum(_ratio(it, 0) > 1 for it in every)
    ratios = sorted(_ratio(it, 1) for it in every)
    return Paragraph(
        (
            "In the study, UDP between containers had "
            f"{ratios[0]:.2f} to {ratios[-1]:.2f} of the rate between their hosts, and half of its {len(every)} "
            f"measurements had {ratios[len(ratios) // 2]:.2f} or less. TCP between containers was faster than between "
            f"their hosts in {faster} of them. A cost table cannot give the latter, because packets of containers pass "
            "all stages that those of hosts pass, and more.",
        )
    )


def _ratio(item: _Throughput, index: int) -> float:
    hosts, containers = item.hosts[index], item.containers[index]
    return containers / hosts if hosts and containers else 0.0
