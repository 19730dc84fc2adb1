"""Reports to JSON for programs; docs/ci.md describes it, and ``version`` grows with each incompatible change."""

from __future__ import annotations

import json
from collections.abc import Sequence

from gtsdsl.diagnostics.report import FileReport, PlacedFinding, Region

VERSION = 1


def write(reports: Sequence[FileReport]) -> str:
    """Return the reports as one JSON object with a newline, in pure ASCII, so that each terminal can show it."""
    document = {
        "version": VERSION,
        "files": [
            {"name": report.name, "errors": report.errors, "warnings": report.warnings, "omitted": report.omitted}
            for report in reports
        ],
        "findings": [_finding(report.name, finding) for report in reports for finding in report.findings],
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(name: str, finding: PlacedFinding) -> dict[str, object]:
    return {
        "code": finding.code,
        "severity": finding.severity.value,
        "message": finding.message,
        "file": name,
        **_region(finding.region),
        "notes": [{"message": note.message, **_region(note.region)} for note in finding.notes],
        "hint": finding.hint,
    }


def _region(region: Region | None) -> dict[str, object]:
    if region is None:
        return {"start": None, "end": None}
    return {"start": region.start._asdict(), "end": region.end._asdict()}
