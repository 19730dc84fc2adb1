"""A finding as a value: code, message, location, notes and hint."""

from __future__ import annotations

from dataclasses import dataclass

from gtsdsl.diagnostics.codes import CODES, Severity
from gtsdsl.source import Location, Source


@dataclass(frozen=True, slots=True)
class Note:
    """A second location that a finding mentions, in the same source."""

    message: str
    place: Location


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. ``place`` is its location; None if the finding is about the source as a whole."""

    code: str
    message: str
    source: Source
    place: Location | None = None
    notes: tuple[Note, ...] = ()
    hint: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity of its code."""
        return CODES[self.code].severity

    @property
    def is_error(self) -> bool:
        """True for an error, false for a warning."""
        return self.severity is Severity.ERROR
