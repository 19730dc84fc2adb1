"""What was found in each file, clean ones too: the value that every machine format is made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gtsdsl.diagnostics.model import Diagnostic
from gtsdsl.source import Place, Position, Source

MAX_FINDINGS = 5_000
"""So many findings of one file are in a machine format; the rest is counted. (GitHub shows 5,000 of a SARIF file.)"""


@dataclass(frozen=True, slots=True)
class FileReport:
    """A file that was checked, by its name as the user gave it, and all that was found in it."""

    name: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def errors(self) -> int:
        return sum(diagnostic.is_error for diagnostic in self.diagnostics)

    @property
    def warnings(self) -> int:
        return len(self.diagnostics) - self.errors

    @property
    def listed(self) -> Sequence[Diagnostic]:
        """The findings that a machine format lists."""
        return self.diagnostics[:MAX_FINDINGS]

    @property
    def omitted(self) -> int:
        """How many it does not."""
        return len(self.diagnostics) - len(self.listed)


class Region(NamedTuple):
    """A stretch of a source by lines and columns, counted from 1 in characters; ``end`` is behind its last one."""

    start: Position
    end: Position


def region(source: Source, place: Place) -> Region:
    """Where in its source a place is."""
    span = source.span(place)
    return Region(source.position(span.start), source.position(span.end))


def summary(reports: Iterable[FileReport]) -> str:
    """How many files were checked and what came of it, e.g. ``3 files checked, 2 errors, 1 warning``."""
    files = list(reports)
    errors, warnings = sum(report.errors for report in files), sum(report.warnings for report in files)
    return f"{counted(len(files), 'file')} checked, {counted(errors, 'error')}, {counted(warnings, 'warning')}"


def counted(number: int, noun: str) -> str:
    """A number and its noun, e.g. ``1 error``, ``2 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
