"""The section about what differs from the baseline by more than the spread of the repetitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from emulator.bench.change import FEW, Change, change, confidence
from emulator.bench.report.groups import Group, baseline, beside, figures, labels, measured, overlays, workloads
from emulator.bench.report.headline import clock_of, headlines
from emulator.bench.report.model import Block, Paragraph, Section, Table
from emulator.bench.report.numbers import MISSING, number, signed
from emulator.bench.results import Results
from gtsdsl.text import quantity

_MOST_ROWS = 60
_MOST_EFFECT = 100
_FOLDED = 2000
_Row: TypeAlias = tuple[tuple[str, str, str, str, str], Change]
"""The overlay, the place, the workload, the figure and the unit of a change."""
_COUNTS = ("sent", "limit", "knee")
"""Figures that say how was measured, or what formulas say, and not what came out."""


def differences(results: Results) -> Section | None:
    """Return the section; None if only one overlay was measured."""
    found = [row for name in workloads(results) for row in _rows(measured(results, name))]
    if not found:
        return None
    real = [(texts, it) for texts, it in found if it.is_real]
    quiet = [(texts, it) for texts, it in found if not it.is_real]
    real.sort(key=lambda row: -abs(row[1].percent or 0))
    base = baseline(overlays([cell for cell in results.cells if cell.measured is not None]))
    text = (
        f"{quantity(len(found), 'figure')} of overlays were compared with the same figures of {base}: "
        f"{len(real)} differ, and {len(quiet)} do not, or have no verdict. {_rule(found)}"
    )
    blocks: list[Block] = [Paragraph((text,))]
    main = {(item.workload, item.figure) for item in headlines(results)}
    shown = [row for row in real if tuple(row[0][2:4]) in main]
    if shown:
        blocks.append(_table("What differs, of the main figures; the largest part first", shown[:_MOST_ROWS]))
    others = [row for row in real if row not in shown[:_MOST_ROWS]]
    if others:
        blocks.append(_table(f"What else differs: {quantity(len(others), 'figure')}", others[:_FOLDED], is_folded=True))
    if quiet:
        caption = f"What does not differ, or has no verdict: {quantity(len(quiet), 'figure')}"
        blocks.append(_table(caption, quiet[:_FOLDED], is_folded=True))
    return Section("differences", "What differs by more than the spread", tuple(blocks))


def _rule(found: Sequence[_Row]) -> str:
    changes = [it for _, it in found]
    if not any(it.interval for it in changes):
        if all(it.kind in {"unknown", "same"} for it in changes):
            return "Each figure has one repetition in the real clock, so its spread is unknown and there is no verdict."
        if max(it.repetitions for it in changes) == 1:
            return (
                "Each figure has one repetition in the virtual clock, where a run repeats itself to the byte unless "
                "chance or a real daemon takes part. There is no interval."
            )
        return "All repetitions of a figure gave the same value, so there is no interval, and each difference counts."
    text = (
        "A difference counts if its 95 % bootstrap interval excludes 0; of figures that do not differ, one in twenty "
        "does so by chance. The effect is Cohen's d: the difference in standard deviations."
    )
    if any(it.interval is None for it in changes):
        text += " Where all repetitions gave the same value, there is no interval, and each difference counts."
    if min(it.repetitions for it in changes) < FEW:
        text += f" With fewer than {FEW} repetitions, intervals are too narrow."
    return text


def _rows(groups: Sequence[Group]) -> Iterator[_Row]:
    label = labels(group.place for group in groups)
    for base, group in beside(groups):
        for name, unit in {} if base is None else figures([base]).items():
            before, after = () if base is None else base.values(name), group.values(name)
            if before and after and name.rpartition(".")[2] not in _COUNTS:
                where = (group.overlay, label[group.place], group.cells[0].workload, name, unit)
                yield where, change(before, after, unit, clock_of(group))


def _table(caption: str, rows: Sequence[_Row], *, is_folded: bool = False) -> Table:
    headings = ("overlay", "where", "figure", "baseline", "overlay", "difference", "in %", "95 % interval", "effect")
    return Table(
        caption,
        (*headings, "how sure"),
        tuple(
            (overlay, where, f"{workload} {name}, {unit}", *_numbers(it))
            for (overlay, where, workload, name, unit), it in rows
        ),
        heads=3,
        is_folded=is_folded,
        texts=(9,),
    )


def _numbers(it: Change) -> Iterator[str]:
    yield from (number(it.before), number(it.after), signed(it.difference), signed(it.percent))
    yield MISSING if it.interval is None else f"{signed(it.interval[0])} to {signed(it.interval[1])}"
    yield from (_effect(it.effect), confidence(it))


def _effect(effect: float | None) -> str:
    """Return an effect; one of more than 100 standard deviations says no more than that."""
    if effect is None or abs(effect) <= _MOST_EFFECT:
        return signed(effect, 1)
    return f"> {_MOST_EFFECT}" if effect > 0 else f"< −{_MOST_EFFECT}"
