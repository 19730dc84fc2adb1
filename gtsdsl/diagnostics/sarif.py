"""Reports to SARIF 2.1.0 (OASIS), which code-scanning services and editors read."""

from __future__ import annotations

import json
import os
import posixpath
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

from gtsdsl.data import shipped
from gtsdsl.diagnostics.codes import CODES
from gtsdsl.diagnostics.report import FileReport, PlacedFinding, Region

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(reports: Sequence[FileReport]) -> str:
    """Return a SARIF log with one run and a newline, in pure ASCII; its rules are the codes that occur."""
    codes = sorted({finding.code for report in reports for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "gtsdsl",
                **_version(),
                "rules": [_rule(code) for code in codes],
            }
        },
        # SARIF counts as `Source` does: characters from 1, no byte-order mark, lines end with LF or CRLF
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(reports)}],
        "artifacts": [{"location": _artifact(report.name), "roles": ["analysisTarget"]} for report in reports],
        "results": [_result(report.name, finding, codes) for report in reports for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _version() -> dict[str, str]:
    try:
        return {"version": metadata.version("gtsdsl")}
    except metadata.PackageNotFoundError:  # in a checkout that is not installed
        return {}


def _rule(code: str) -> dict[str, object]:
    severity, title = CODES[code]
    page = shipped("docs", "diagnostics", f"{code}.md").read_text(encoding="utf-8")
    return {
        "id": code,
        "name": "".join(word.capitalize() for word in title.replace(",", "").split()),
        "shortDescription": {"text": title},
        "fullDescription": {"text": title},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": severity.value},
    }


def _result(name: str, finding: PlacedFinding, codes: Sequence[str]) -> dict[str, object]:
    message = f"{finding.message}\nhelp: {finding.hint}" if finding.hint else finding.message
    result: dict[str, object] = {
        "ruleId": finding.code,
        "ruleIndex": codes.index(finding.code),
        "level": finding.severity.value,
        "message": _message(message),
        "locations": [{"physicalLocation": _location(name, finding.region)}],
    }
    if finding.notes:
        result["relatedLocations"] = [
            {"id": index, "message": _message(note.message), "physicalLocation": _location(name, note.region)}
            for index, note in enumerate(finding.notes)
        ]
    return result


def _message(text: str) -> dict[str, str]:
    # escape "[text](target)", which viewers show as a link, because an id must not become one. Braces need no escape:
    # a message without `arguments` has no placeholders
    return {"text": text.replace("[", "\\[").replace("]", "\\]") if "](" in text else text}


def _location(name: str, region: Region | None) -> dict[str, object]:
    location: dict[str, object] = {"artifactLocation": _artifact(name)}
    if region is not None:
        location["region"] = {
            "startLine": region.start.line,
            "startColumn": region.start.column,
            "endLine": region.end.line,
            "endColumn": region.end.column,
        }
    return location


def _artifact(name: str) -> dict[str, str]:
    path = Path(name)
    if path.is_absolute():
        return {"uri": path.as_uri()}
    # bytes, because a file's name may not be UTF-8; without "./", because services compare the text
    return {"uri": quote(os.fsencode(posixpath.normpath(path.as_posix())))}


def _notifications(reports: Sequence[FileReport]) -> list[dict[str, object]]:
    return [
        {
            "level": "warning",
            "message": {"text": f"{report.omitted} more findings in this file are not listed"},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(report.name)}}],
        }
        for report in reports
        if report.omitted
    ]
