"""What was found in each file, clean ones too: the value that every machine format is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gtsdsl.diagnostics.codes import CODES, Severity
from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic
from gtsdsl.diagnostics.text import render
from gtsdsl.source import Location, Position, Source


class Region(NamedTuple):
    """A stretch of a text by lines and columns, counted from 1 in characters; ``end`` is behind its last one."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class Remark:
    """A note of a finding, with its place."""

    message: str
    region: Region


@dataclass(frozen=True, slots=True)
class Finding:
    """A diagnostic whose places are lines and columns; ``region`` is None when it is about the file as a whole."""

    code: str
    message: str
    region: Region | None
    notes: tuple[Remark, ...]
    hint: str | None

    @property
    def severity(self) -> Severity:
        return CODES[self.code].severity


@dataclass(frozen=True, slots=True)
class FileReport:
    """A file that was checked: its name as the user gave it, and what was found in it.

    It does not hold the file's text, so that many files can be reported at once. ``findings`` has those
    that `Findings` keeps, ``text`` what a terminal would show.
    """

    name: str
    errors: int = 0
    warnings: int = 0
    findings: tuple[Finding, ...] = ()
    text: str = ""

    @property
    def omitted(self) -> int:
        """How many findings there were beyond those in ``findings``."""
        return self.errors + self.warnings - len(self.findings)


def report(name: str, findings: Findings) -> FileReport:
    """Return what the formats tell of a file's findings."""
    return FileReport(
        name=name,
        errors=findings.errors,
        warnings=findings.warnings,
        findings=tuple(_finding(diagnostic) for diagnostic in findings),
        text=render(findings, color=False),
    )


def _finding(diagnostic: Diagnostic) -> Finding:
    source = diagnostic.source
    return Finding(
        code=diagnostic.code,
        message=diagnostic.message,
        region=None if diagnostic.place is None else _region(source, diagnostic.place),
        notes=tuple(Remark(note.message, _region(source, note.place)) for note in diagnostic.notes),
        hint=diagnostic.hint,
    )


def _region(source: Source, place: Location) -> Region:
    span = source.span(place)
    return Region(source.position(span.start), source.position(span.end))


def counted(number: int, noun: str) -> str:
    """A number and its noun, e.g. ``1 error``, ``2 errors``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
