"""Reports to workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

The escapes are those of the runner's toolkit: ``%``, CR and LF in a message; also ``:`` and ``,`` in a property.
"""

from __future__ import annotations

from collections.abc import Sequence

from gtsdsl.diagnostics.codes import CODES
from gtsdsl.diagnostics.report import FileReport, PlacedFinding
from gtsdsl.text import printable

_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def write(reports: Sequence[FileReport]) -> str:
    """Return a line for each finding, and one line for a file's findings beyond `MAX_FINDINGS`."""
    lines = []
    for report in reports:
        lines += [_command(report.name, finding) for finding in report.findings]
        if report.omitted:
            lines.append(f"::warning file={_property(report.name)}::{report.omitted} more findings are not listed")
    return "".join(line + "\n" for line in lines)


def _command(name: str, finding: PlacedFinding) -> str:
    properties = {"file": name}
    if finding.region is not None:
        start, end = finding.region
        properties |= {"line": str(start.line), "col": str(start.column)}
        if end.line == start.line:  # GitHub accepts columns only where both ends are on one line
            properties["endColumn"] = str(end.column)
    properties["title"] = f"{finding.code} {CODES[finding.code].title}"
    message = finding.message
    for note in finding.notes:
        message += f"\nnote: line {note.region.start.line}, column {note.region.start.column}: {note.message}"
    if finding.hint:
        message += f"\nhelp: {finding.hint}"
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{finding.severity.value} {listed}::{_plain(message.translate(_IN_MESSAGE))}"


def _property(value: str) -> str:
    return _plain(value.translate(_IN_PROPERTY))


def _plain(text: str) -> str:
    # the log shows the text as it is, so other control characters are escaped too
    return printable(text, limit=len(text))
