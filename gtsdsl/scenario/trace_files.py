"""The files of a scenario's traces, read within the bounds of one scenario."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.inputs.files import below
from gtsdsl.scenario.model import Event, Trace
from gtsdsl.scenario.traces import MOST_LINES, read_bandwidth, read_delays
from gtsdsl.text import printable

MOST_STEPS = 10_000_000
"""The most lines of all traces together that a scenario comes by until its end, with those that repeat."""
MOST_A_SECOND = {"bandwidth": 1_000_000, "delay": 1_000}
"""The most lines a second of a trace that repeats: its steps take time of the machine, and need not end."""
MOST_UNUSABLE = 3
"""The traces that cannot be used after which no other is read: the finding about each has all of its text."""

Lines: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]
"""The times of a trace, and its delays, which a trace of bandwidth does not have; both in microseconds."""


class TraceFiles:
    """The files of traces in a folder or below it. ``findings`` are about what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lines = 0
        self._read: dict[tuple[str, Path], Lines | None] = {}
        self.findings: list[Diagnostic] = []

    def read(self, attribute: str, file: str) -> Lines:
        """Return the lines of a trace of an attribute; each file is read once.

        Raises:
            ValueError: the file cannot be used, or the scenario has too many lines of traces; the message says why.
        """
        try:
            path = below(self._folder, file)
        except ValueError as error:
            raise ValueError(f"{error}: traces are beside the scenario") from None
        self._require_few_lines()  # before the file is read, too
        found = self._once(attribute, path)
        if found is None:
            raise ValueError(f"the trace `{printable(file)}` cannot be used")
        self._lines += len(found[0])
        self._require_few_lines()
        return found

    def _require_few_lines(self) -> None:
        if self._lines > MOST_LINES:
            raise ValueError(f"the traces of a scenario have at most {MOST_LINES:,} lines together")

    def _once(self, attribute: str, path: Path) -> Lines | None:
        key = attribute, path
        if key not in self._read:
            if sum(lines is None for lines in self._read.values()) >= MOST_UNUSABLE:
                raise ValueError(f"no other trace is read after {MOST_UNUSABLE} that cannot be used")
            try:
                self._read[key] = (read_bandwidth(path), ()) if attribute == "bandwidth" else read_delays(path)
            except GtsError as error:
                self.findings += error.diagnostics
                self._read[key] = None
        return self._read[key]


def require_slow(trace: Trace) -> None:
    """Check that a trace that repeats has few lines a second.

    Raises:
        ValueError: it has too many.
    """
    most = MOST_A_SECOND[trace.attribute]
    if trace.repeats and _steps(trace) * 10**6 > most * trace.length_us:
        raise ValueError(f"a trace of {trace.attribute} that repeats has at most {most:,} lines a second")


def _steps(trace: Trace) -> int:
    """Return the steps of one round: a trace of delays has none at its last line, which is its end."""
    return len(trace.times_us) - (trace.attribute == "delay")


def first_beyond(events: Sequence[Event], end_ns: int) -> int | None:
    """Return the index of the event which has the step beyond `MOST_STEPS` until an end; None without.

    Each period of a share has two steps.
    """
    steps = 0
    for index, event in enumerate(events):
        lasts_ns = (end_ns if event.until_ns is None else event.until_ns) - event.at_ns
        if event.trace is not None:
            length_ns = event.trace.length_us * 1000
            steps += _steps(event.trace) * (max(1, -(-lasts_ns // length_ns)) if event.trace.repeats else 1)
        elif event.share is not None and event.share.every_ns is not None:
            steps += 2 * -(-lasts_ns // event.share.every_ns)
        if steps > MOST_STEPS:
            return index
    return None
