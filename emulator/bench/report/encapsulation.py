"""The section about encapsulation: bytes on the wire for bytes of payload."""

from __future__ import annotations

import re
from collections.abc import Mapping

from emulator.bench.report.common import against, all_figures, remarks
from emulator.bench.report.groups import Group, labels, measured
from emulator.bench.report.model import Axis, Block, Section, Table
from emulator.bench.report.numbers import number
from emulator.bench.results import Results

_SIZE = re.compile(r"(\d{1,7})\.(wire_bytes|packets|fragments|ratio)")


def encapsulation(results: Results) -> Section | None:
    """Return the section; None if it was not measured."""
    groups = measured(results, "encapsulation")
    if not groups:
        return None
    label = labels(group.place for group in groups)
    rows = [
        (
            label[group.place],
            group.overlay,
            str(size),
            number(group.mean(f"{size}.wire_bytes"), 0),
            number(group.mean(f"{size}.ratio"), 3),
            number(group.mean(f"{size}.packets"), 0),
            number(group.mean(f"{size}.fragments"), 0),
        )
        for group in groups
        for size in _sizes(group)
    ]
    headings = ("circuit", "overlay", "payload, bytes", "on the wire, bytes", "ratio", "packets", "fragments")
    blocks: list[Block] = [Table("Bytes on the circuit for a payload", headings, tuple(rows), heads=3)] if rows else []
    x, y = Axis("payload, bytes", scale="log"), Axis("bytes on the wire a byte of payload", scale="log")
    blocks += against(groups, _ratios, x, y, "encapsulation")
    blocks += [*remarks(groups), all_figures(groups, "encapsulation")]
    return Section("encapsulation", "Encapsulation", tuple(blocks))


def _sizes(group: Group) -> list[int]:
    return sorted({int(match[1]) for name in group.figures if (match := _SIZE.fullmatch(name))})


def _ratios(group: Group) -> Mapping[float, float]:
    found = ((size, group.mean(f"{size}.ratio")) for size in _sizes(group))
    return {size: ratio for size, ratio in found if ratio is not None and ratio > 0 and size > 0}
