"""Reports as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

The escapes are those of the runner's own toolkit: ``%``, CR and LF in a message; ``:`` and ``,`` too in a property.
"""

from __future__ import annotations

from collections.abc import Sequence

from gtsdsl.diagnostics.codes import CODES
from gtsdsl.diagnostics.model import Diagnostic, printable
from gtsdsl.diagnostics.report import FileReport, region

_IN_MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_IN_PROPERTY = _IN_MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})


def write(reports: Sequence[FileReport]) -> str:
    """One line a finding; what a file has beyond `gtsdsl.diagnostics.report.MAX_FINDINGS` is one line more."""
    lines = []
    for report in reports:
        lines += [_command(report.name, diagnostic) for diagnostic in report.listed]
        if report.omitted:
            lines.append(f"::warning file={_property(report.name)}::{report.omitted} more findings are not listed")
    return "".join(line + "\n" for line in lines)


def _command(name: str, diagnostic: Diagnostic) -> str:
    properties = {"file": name}
    if diagnostic.place is not None:
        start, end = region(diagnostic.source, diagnostic.place)
        properties |= {"line": str(start.line), "col": str(start.column)}
        if end.line == start.line:  # columns are taken only where both ends are on one line
            properties["endColumn"] = str(end.column)
    properties["title"] = f"{diagnostic.code} {CODES[diagnostic.code].title}"
    message = diagnostic.message
    for note in diagnostic.notes:
        at = region(diagnostic.source, note.place).start
        message += f"\nnote: line {at.line}, column {at.column}: {note.message}"
    if diagnostic.hint:
        message += f"\nhelp: {diagnostic.hint}"
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{diagnostic.severity.value} {listed}::{_plain(message.translate(_IN_MESSAGE))}"


def _property(value: str) -> str:
    return _plain(value.translate(_IN_PROPERTY))


def _plain(text: str) -> str:
    # the log shows what is printed: no other control character may get there either
    return printable(text, limit=len(text))
