"""Files of traces to traces: Mahimahi's delivery opportunities, and delays by time."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import NoReturn

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import read_source
from gtsdsl.model.units import MAX_DURATION_US
from gtsdsl.source import Source, Span
from gtsdsl.text import printable

CODE = "GTS009"
MOST_LINES = 1_000_000
MOST_US = 10**12
"""The longest trace, and the latest time of a scenario: 10⁶ seconds."""
_OPPORTUNITY = re.compile(r"[0-9]{1,10}")


def read_bandwidth(path: Path) -> tuple[int, ...]:
    """Return the times of a trace of bandwidth, in microseconds.

    Each line is the millisecond of an opportunity to deliver 1,500 bytes, as Mahimahi has it (Netravali et al., 2015).
    A time may occur many times.

    Raises:
        GtsError: the file cannot be read, or is no such trace.
    """
    source = read_source(path)
    times_us: list[int] = []
    for number, line in enumerate(_lines(source), 1):
        if not _OPPORTUNITY.fullmatch(line):
            _refuse(source, number, f"`{printable(line, 40)}` is not a time: each line has a whole number of ms")
        times_us.append(_in_order(source, number, int(line) * 1000, times_us, is_strict=False))
    return _whole(source, times_us)


def read_delays(path: Path) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the times of a trace of delays, and the one-way delay from each time on, both in microseconds.

    Each line is a time in seconds, a comma and a one-way delay in milliseconds. The first line may be a heading.

    Raises:
        GtsError: the file cannot be read, or is no such trace.
    """
    source = read_source(path)
    times_us: list[int] = []
    delays_us: list[int] = []
    for number, line in enumerate(_lines(source), 1):
        cells = [_microseconds(cell) for cell in line.split(",")]
        if number == 1 and len(cells) == 2 and cells == [None, None]:
            continue
        if len(cells) != 2 or cells[0] is None or cells[1] is None:
            _refuse(source, number, f"`{printable(line, 40)}` is not a time in seconds, a comma and a delay in ms")
        delay_us = cells[1] // 1000
        if delay_us > MAX_DURATION_US:
            _refuse(source, number, f"a delay lasts at most {MAX_DURATION_US // 1000:,} ms")
        times_us.append(_in_order(source, number, cells[0], times_us, is_strict=True))
        delays_us.append(delay_us)
    if len(times_us) == 1:
        raise GtsError([Diagnostic(CODE, "a trace of delays has two lines or more: the last is its end", source)])
    return _whole(source, times_us), tuple(delays_us)


def _lines(source: Source) -> list[str]:
    lines = source.text.splitlines()
    if len(lines) > MOST_LINES:
        raise GtsError([Diagnostic(CODE, f"a trace has at most {MOST_LINES:,} lines, not {len(lines):,}", source)])
    return lines


def _microseconds(cell: str) -> int | None:
    """Return a number times 10⁶, rounded; None for a cell that has no number from 0 on."""
    try:
        number = Decimal(cell.strip()) if len(cell) <= 40 else Decimal("nan")
    except InvalidOperation:
        return None
    return round(number * 10**6) if number.is_finite() and 0 <= number <= MOST_US else None


def _in_order(source: Source, number: int, time_us: int, before_us: list[int], *, is_strict: bool) -> int:
    if before_us and (time_us < before_us[-1] or (is_strict and time_us == before_us[-1])):
        _refuse(source, number, "the trace goes back in time: this line is not after the line above")
    if time_us > MOST_US:
        _refuse(source, number, f"a trace lasts at most {MOST_US // 10**6:,} s")
    return time_us


def _whole(source: Source, times_us: list[int]) -> tuple[int, ...]:
    if not times_us or times_us[-1] == 0:
        raise GtsError([Diagnostic(CODE, "a trace must last: its last line has the time at which it ends", source)])
    return tuple(times_us)


def _refuse(source: Source, number: int, message: str) -> NoReturn:
    line = source.line(number)
    raise GtsError([Diagnostic(CODE, message, source, Span(line.start, max(line.end, line.start)))])
