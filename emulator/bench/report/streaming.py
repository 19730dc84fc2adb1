"""The section about streaming: bit rate, jitter and losses against the number of clients, and the tools."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from emulator.bench.report.common import against, all_figures, remarks
from emulator.bench.report.groups import Group, figures, labels, measured
from emulator.bench.report.model import Axis, Block, Heading, Paragraph, Section, Table
from emulator.bench.report.numbers import number
from emulator.bench.results import Results

_CLIENTS = re.compile(r"clients\.(\d+)\.(\w+)")
_COLUMNS = {
    "bitrate": ("bit rate", "mean", 1),
    "bitrate_min": ("bit rate", "least", 1),
    "jitter": ("jitter", "mean", 3),
    "jitter_max": ("jitter", "most", 3),
    "lost": ("lost", "packets", 2),
    "first_frame": ("first frame", "after", 1),
    "queue_drops": ("queue", "drops", 0),
}
"""The columns of the table by the figure: the heading of the group, that of the column, and the digits."""


def streaming(results: Results) -> Section | None:
    """Return the section; None if nothing was streamed."""
    groups = measured(results, "streaming")
    if not groups:
        return None
    most = max((n for group in groups for n in _numbers(group)), default=0)
    x = Axis("clients at once", scale="log" if most >= 16 else "linear")
    blocks: list[Block] = [*_table(groups)]
    units = {match[2]: unit for name, unit in figures(groups).items() if (match := _CLIENTS.fullmatch(name))}
    for kind, noun in (("bitrate", "bit rate of a client"), ("jitter", "jitter of a client"), ("lost", "lost packets")):
        y = Axis(f"{noun}, {units.get(kind, '')}", from_zero=True)
        blocks += against(groups, partial(_points, kind=kind), x, y, noun)
    blocks += [*remarks(groups), tools(), all_figures(groups, "streaming")]
    return Section("streaming", "Streaming", tuple(blocks))


def tools() -> Paragraph:
    """Return what took the place of the study's tools, and why."""
    return Paragraph(
        (
            "The study streamed with Darwin Streaming Server and made its clients with Faban. Neither is maintained, "
            "and no package repository has them. Here, gst-rtsp-server takes the server's place, with a pipeline for "
            "each client as Darwin had. gtsdsl's own RTSP clients take Faban's place. They read RTP with the kernel's "
            "time stamps, so their jitter (RFC 3550) is the network's and not that of the program that reads.",
        ),
        "note",
    )


def _table(groups: Sequence[Group]) -> Iterator[Table]:
    units = {match[2]: unit for name, unit in figures(groups).items() if (match := _CLIENTS.fullmatch(name))}
    shown = [name for name in _COLUMNS if name in units]
    label = labels(group.place for group in groups)
    rows = [
        (
            label[group.place],
            group.overlay,
            str(count),
            *(number(group.mean(f"clients.{count}.{name}"), _COLUMNS[name][2]) for name in shown),
        )
        for group in groups
        for count in _numbers(group)
    ]
    above = [Heading("", 3)]
    for title, names in itertools.groupby(shown, key=lambda name: f"{_COLUMNS[name][0]}, {units[name]}"):
        above.append(Heading(title, len(list(names))))
    headings = ("circuit", "overlay", "clients", *(_COLUMNS[name][1] for name in shown))
    if rows:
        caption = "A video for several clients at once, over the clients"
        yield Table(caption, headings, tuple(rows), heads=3, groups=tuple(above))


def _numbers(group: Group) -> list[int]:
    return sorted(
        {int(match[1]) for name in group.figures if (match := _CLIENTS.fullmatch(name)) and len(match[1]) < 7}
    )


def _points(group: Group, kind: str) -> Mapping[float, float]:
    found = ((count, group.mean(f"clients.{count}.{kind}")) for count in _numbers(group))
    return {count: mean for count, mean in found if mean is not None}
