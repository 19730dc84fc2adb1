"""The first screen: which overlay, by how much, and how sure."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from emulator.bench.change import FEW, RESOLUTION, Change
from emulator.bench.report.groups import baseline, overlays
from emulator.bench.report.headline import Compared, Headline, compared, headlines
from emulator.bench.report.model import Block, Bullets, Code, Inline, Paragraph, Section, Table
from emulator.bench.report.numbers import MISSING, listed, number, signed
from emulator.bench.results import Results
from gtsdsl.text import quantity

_DIGITS = {"us": 1, "Mbit/s": 1, "%": 2, "kbit/s": 1, "s": 3}
_UNITS = {"us": "µs"}


@dataclass(frozen=True, slots=True)
class _Finding:
    """A headline of all overlays: the changes of each from the baseline, and the means of all."""

    headline: Headline
    base: str
    changes: dict[str, tuple[Change, ...]]
    means: dict[str, float]
    places: int

    @property
    def unit(self) -> str:
        return _UNITS.get(self.headline.unit, self.headline.unit)

    @property
    def digits(self) -> int:
        return _DIGITS.get(self.headline.unit, 3)

    def typical(self, overlay: str) -> float:
        """Return the median difference of an overlay from the baseline; 0 where it is not real."""
        return statistics.median(it.difference if it.is_real else 0.0 for it in self.changes[overlay])

    @property
    def best(self) -> tuple[str, ...]:
        """The overlays that are the best, without the baseline."""
        sign = 1 if self.headline.better == "less" else -1
        ranked = {name: sign * self.typical(name) for name in self.changes}
        worst = min(ranked.values()) + RESOLUTION.get(self.headline.unit, 0.0)
        return tuple(name for name, value in ranked.items() if value <= worst)


def summary(results: Results) -> Section:
    """Return the answer in plain sentences, and a small table."""
    names = overlays([cell for cell in results.cells if cell.measured is not None])
    if not names:
        text = "No cell was measured, so there is no answer. What ran has the errors."
        return Section("answer", "Which overlay?", (Paragraph((text,), "warning"),))
    found = [_finding(item, compared(results, item)) for item in headlines(results)]
    blocks: list[Block] = [*_lead(found, names)]
    sentences = [_sentence(item) for item in found if item.changes]
    if sentences:
        blocks.append(Bullets(tuple(sentences)))
    if found:
        blocks.append(_table(found, names))
    blocks.append(Paragraph(_sureness(results, found)))
    failed = sum(cell.error is not None for cell in results.cells)
    if failed:
        text = (
            f"{failed} of {quantity(len(results.cells), 'cell')} failed and are missing here. What ran has the errors."
        )
        blocks.append(Paragraph((text,), "warning"))
    return Section("answer", "Which overlay?", tuple(blocks))


def _finding(headline: Headline, rows: Sequence[Compared]) -> _Finding:
    names = tuple(dict.fromkeys(row.overlay for row in rows))
    changes: dict[str, list[Change]] = {}
    means: dict[str, list[float]] = {}
    for row in rows:
        means.setdefault(row.overlay, []).append(row.mean)
        if row.change is not None:
            changes.setdefault(row.overlay, []).append(row.change)
    return _Finding(
        headline,
        baseline(names) or "",
        {name: tuple(its) for name, its in changes.items()},
        {name: statistics.fmean(its) for name, its in means.items()},
        len({(row.place.part, row.place.testbed, row.place.circuit) for row in rows}),
    )


def _lead(found: Sequence[_Finding], names: Sequence[str]) -> Iterator[Paragraph]:
    """Yield the shortest answer: the overlay that is the best in all, or the best in each."""
    if len(names) == 1:
        text = f"Only {names[0]} was measured. Measure more overlays with "
        yield Paragraph((text, Code("--overlays"), " to compare them."), "lead")
        return
    decided = [item for item in found if item.changes and not _is_open(item)]
    if not decided:
        return
    if len(decided[0].changes) == 1:
        yield Paragraph((_only(decided),), "lead")
        return
    telling = [item for item in decided if len(item.best) < len(item.changes)]
    if not telling:
        others = listed([name for name in names if name != decided[0].base])
        yield Paragraph((f"By these figures, {others} cannot be told apart.",), "lead")
        return
    always = [name for name in telling[0].best if all(name in item.best for item in telling)]
    if always:
        nouns = listed([item.headline.heading for item in telling])
        yield Paragraph((f"The best of {len(telling[0].changes)} overlays: {listed(always)}, by {nouns}.",), "lead")
    else:
        parts = [f"{listed(item.best)} in {item.headline.heading}" for item in telling]
        yield Paragraph((f"No overlay is the best in all. The best: {'; '.join(parts)}.",), "lead")


def _only(decided: Sequence[_Finding]) -> str:
    """Return the answer about the only overlay beside the baseline."""
    base, name = decided[0].base, next(iter(decided[0].changes))
    differing = [item.headline.heading for item in decided if any(it.is_real for it in item.changes[name])]
    if not differing:
        return f"By these figures, {name} is like {base}."
    return f"{name} differs from {base} in {listed(differing)}."


def _is_open(item: _Finding) -> bool:
    return any(it.kind == "unknown" for its in item.changes.values() for it in its)


def _sentence(item: _Finding) -> tuple[Inline, ...]:
    """Return the sentence about a headline: the overlays that differ from the baseline, and those that do not."""
    noun = f"{item.headline.noun[0].upper()}{item.headline.noun[1:]}"
    where = f" ({quantity(item.places, 'circuit')})" if item.places > 1 else ""
    real = [name for name, its in item.changes.items() if any(it.is_real for it in its)]
    open_ = [name for name, its in item.changes.items() if any(it.kind == "unknown" for it in its)]
    quiet = [name for name in item.changes if name not in real and name not in open_]
    parts = []
    if not real and not open_ and len({round(mean, 9) for mean in item.means.values()}) == 1:
        mean = next(iter(item.means.values()))
        return (f"{noun}{where}: {number(mean, item.digits)} {item.unit} with and without an overlay.",)
    if quiet:
        parts.append(f"{listed(quiet)} {'is' if len(quiet) == 1 else 'are'} like {item.base}")
    sign = 1 if item.headline.better == "less" else -1
    parts += [f"{name} {_by(item, name)}" for name in sorted(real, key=lambda name: sign * item.typical(name))]
    if open_:
        parts.append(f"no verdict about {listed(open_)}, because the spread of one repetition is unknown")
    return (f"{noun} beside {item.base}{where}: {'; '.join(parts)}.",)


def _by(item: _Finding, name: str) -> str:
    """Return by how much an overlay differs from the baseline, from the least to the most over all places."""
    changes = item.changes[name]
    low, high = (pick(it.difference for it in changes) for pick in (min, max))
    absolute = _range(low, high, item.digits, item.unit)
    percents = [it.percent for it in changes if it.percent is not None]
    if len(percents) < len(changes) or item.unit in ("%", "s"):
        return absolute
    return f"{absolute} ({_range(min(percents), max(percents), 3 if item.headline.is_added else 1, '%')})"


def _range(low: float, high: float, digits: int, unit: str) -> str:
    first, last = signed(low, digits), signed(high, digits)
    return f"{first} {unit}" if first == last else f"{first} to {last} {unit}"


def _table(found: Sequence[_Finding], names: Sequence[str]) -> Table:
    rows = [(name, *(_shown(item, name) for item in found)) for name in names]
    headings = [
        f"{item.headline.heading}{f', more than {item.base}' if item.headline.is_added and item.changes else ''}"
        for item in found
    ]
    return Table("Means over all circuits and repetitions", ("overlay", *headings), tuple(rows))


def _shown(item: _Finding, name: str) -> str:
    mean = item.means.get(name)
    if mean is None:
        return MISSING
    if item.headline.is_added and name in item.changes:
        return f"{signed(statistics.fmean(it.difference for it in item.changes[name]), item.digits)} {item.unit}"
    if item.headline.is_added and item.unit == "µs":
        return f"{number(mean / 1000, 3)} ms in all"
    return f"{number(mean, item.digits)} {item.unit}"


def _sureness(results: Results, found: Sequence[_Finding]) -> tuple[Inline, ...]:
    repetitions = max(cell.repetition for cell in results.cells)
    is_virtual = {cell.environment.clock for cell in results.cells if cell.environment is not None} == {"virtual"}
    again = (Code("--repetitions 10"), " measures the spread.")
    if repetitions == 1 and is_virtual:
        return (
            "How sure? Each figure is one repetition in the virtual clock, which repeats a run to the byte unless "
            "chance or a real daemon takes part. So there is no interval. ",
            *again,
        )
    if repetitions == 1:
        return (
            "How sure? Not at all: each figure is one repetition, and this machine's clock was used, in which "
            "figures differ from run to run. ",
            *again,
        )
    changes = [it for item in found for its in item.changes.values() for it in its]
    exact = sum(it.interval is None for it in changes)
    text = f"How sure? {repetitions} repetitions. A difference counts only if its 95 % bootstrap interval excludes 0."
    if exact and is_virtual:
        text += (
            f" In {exact} of {len(changes)} comparisons all repetitions gave the same value, as the virtual clock does "
            "where nothing is random: these have no interval, and need none."
        )
    if repetitions < FEW:
        text += f" With fewer than {FEW} repetitions, intervals are too narrow."
    return (text,)
