"""Reports as JSON for programs; docs/ci.md describes the shape, ``version`` rises when it changes incompatibly."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gtsdsl.diagnostics.model import Diagnostic
from gtsdsl.diagnostics.report import FileReport, region
from gtsdsl.source import Place, Position, Source

VERSION = 1


def write(reports: Sequence[FileReport]) -> str:
    """One JSON object, ending in a newline. It is pure ASCII: a terminal or a log can show it as it is."""
    document = {
        "version": VERSION,
        "files": [
            {"name": report.name, "errors": report.errors, "warnings": report.warnings, "omitted": report.omitted}
            for report in reports
        ],
        "findings": [_finding(report.name, diagnostic) for report in reports for diagnostic in report.listed],
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(name: str, diagnostic: Diagnostic) -> dict[str, object]:
    return {
        "code": diagnostic.code,
        "severity": diagnostic.severity.value,
        "message": diagnostic.message,
        "file": name,
        **_region(diagnostic.source, diagnostic.place),
        "notes": [{"message": note.message, **_region(diagnostic.source, note.place)} for note in diagnostic.notes],
        "hint": diagnostic.hint,
    }


def _region(source: Source, place: Place | None) -> dict[str, object]:
    if place is None:
        return {"start": None, "end": None}
    start, end = region(source, place)
    return {"start": _position(start), "end": _position(end)}


def _position(position: Position) -> dict[str, int]:
    return {"line": position.line, "column": position.column}
