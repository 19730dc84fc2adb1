"""Results to rows and tables: one row for each figure of each cell, and a row for each cell of a workload."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass, fields

from emulator.bench.results import CellResult


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of one cell."""

    part: str
    testbed: str
    overlay: str
    circuit: str
    network: str
    workload: str
    level: str
    repetition: int
    seed: int
    figure: str
    value: float | None
    unit: str
    agent: str
    kernel: str
    clock: str
    cpu: str
    key: str
    error: str


def rows(results: Sequence[CellResult]) -> Iterator[Row]:
    """Yield a row for each figure of each result; a cell that failed has one row, with its error."""
    for result in results:
        found = result.environment
        agent, kernel, clock = ("", "", "") if found is None else (found.agent, found.kernel, found.clock)
        cpu = "" if result.cpu is None else result.cpu.label
        figures = [] if result.measured is None else [(it.name, it.value, it.unit) for it in result.measured.figures]
        for name, value, unit in figures or [("", None, "")]:
            yield Row(
                result.part, result.testbed, result.overlay, result.circuit, result.network, result.workload,
                result.level, result.repetition, result.seed,
                name, value, unit, agent, kernel, clock, cpu, result.key, result.error or "",
            )  # fmt: skip


def to_csv(results: Sequence[CellResult]) -> str:
    """Return all figures as CSV, with a line of headings."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows(astuple(row) for row in rows(results))
    return text.getvalue()
