"""Report of a checked file, from which each format for machines is made; a clean file has one too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from gtsdsl.diagnostics.codes import CODES, Severity
from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic
from gtsdsl.diagnostics.text import render
from gtsdsl.source import Location, Position, Source


class Region(NamedTuple):
    """A part of a text by lines and columns, counted from 1 in characters; ``end`` follows its last character."""

    start: Position
    end: Position


@dataclass(frozen=True, slots=True)
class PlacedNote:
    """A note of a finding, with its region."""

    message: str
    region: Region


@dataclass(frozen=True, slots=True)
class PlacedFinding:
    """A diagnostic with lines and columns; ``region`` is None if it is about the file as a whole."""

    code: str
    message: str
    region: Region | None
    notes: tuple[PlacedNote, ...]
    hint: str | None

    @property
    def severity(self) -> Severity:
        """The severity of its code."""
        return CODES[self.code].severity


@dataclass(frozen=True, slots=True)
class FileReport:
    """The report of one checked file: the file's name as the user wrote it, and its findings.

    The report does not hold the file's source, so that a command can report many files in little memory. ``findings``
    are the findings that `Findings` keeps. ``text`` shows them on a terminal, without colour.
    """

    name: str
    errors: int = 0
    warnings: int = 0
    findings: tuple[PlacedFinding, ...] = ()
    text: str = ""

    @property
    def omitted(self) -> int:
        """The number of findings that are not in ``findings``."""
        return self.errors + self.warnings - len(self.findings)


def report(name: str, findings: Findings) -> FileReport:
    """Return the report of a file from its findings."""
    return FileReport(
        name=name,
        errors=findings.errors,
        warnings=findings.warnings,
        findings=tuple(_finding(diagnostic) for diagnostic in findings),
        text=render(findings, color=False),
    )


def _finding(diagnostic: Diagnostic) -> PlacedFinding:
    source = diagnostic.source
    return PlacedFinding(
        code=diagnostic.code,
        message=diagnostic.message,
        region=None if diagnostic.place is None else _region(source, diagnostic.place),
        notes=tuple(PlacedNote(note.message, _region(source, note.place)) for note in diagnostic.notes),
        hint=diagnostic.hint,
    )


def _region(source: Source, place: Location) -> Region:
    span = source.span(place)
    return Region(source.position(span.start), source.position(span.end))
