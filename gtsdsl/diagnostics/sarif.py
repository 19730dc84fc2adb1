"""Reports as SARIF 2.1.0 (OASIS), which code-scanning services and editors read."""

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
from gtsdsl.diagnostics.report import FileReport, Finding, Region

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(reports: Sequence[FileReport]) -> str:
    """A SARIF log with one run, ending in a newline; pure ASCII. Its rules are those of the codes that occur."""
    codes = sorted({finding.code for report in reports for finding in report.findings})
    run = {
        "tool": {
            "driver": {
                "name": "gtsdsl",
                **_version(),
                "rules": [_rule(code) for code in codes],
            }
        },
        # `Source` counts characters, from 1, without a byte-order mark, and ends a line at LF or CRLF: as SARIF does
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(reports)}],
        "artifacts": [{"location": _artifact(report.name), "roles": ["analysisTarget"]} for report in reports],
        "results": [_result(report.name, finding, codes) for report in reports for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _version() -> dict[str, str]:
    try:
        return {"version": metadata.version("gtsdsl")}
    except metadata.PackageNotFoundError:  # run from a checkout
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


def _result(name: str, finding: Finding, codes: Sequence[str]) -> dict[str, object]:
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
    # "[text](target)" would be a link that the viewer follows: an id must not become one. Braces stay as they are:
    # without `arguments` there are no placeholders, and viewers show the text as it stands.
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
    # bytes, because a file's name need not be UTF-8; "./" goes, because services compare the text
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
