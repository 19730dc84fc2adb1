"""Findings to show: a plain one, and those of an input whose every part is hostile."""

from __future__ import annotations

from gtsdsl.diagnostics import Diagnostic, Findings, Note
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.source import Source, Span

TEXT = 'type A {\r\n\thost { id="h1" }\r\n\thost { id="h1" }\r\n}\r\n'

HOSTILE = [
    "x\n::error::owned",
    "x\r::warning file=a::owned",
    "%0A::error::owned",
    "a:b,c=d::e",
    "\x1b[2J\x1b[31mred",
    "\x9b31m",
    "\u202egnol\u202c",
    "a\u2028b\u2029c\x85d",
    "]]><failure/>",
    "\"'<&>--><!--",
    "</script><script>alert(1)</script>",
    "[click](http://example.org/)",
    "\x00\x01\x0b\x0c\x7f",
    "\ufffe\uffff",
    "\udcff\ud800",
    "{0}{{}}",
    "$(touch owned)`id`",
    "x" * 3000,
]


def place(text: str, of: str, *, last: bool = False) -> Span:
    start = of.rindex(text) if last else of.index(text)
    return Span(start, start + len(text))


def duplicate() -> Diagnostic:
    """Return the finding of a duplicate id, with a note and a hint."""
    source = Source("mesh.dsl", TEXT)
    return Diagnostic(
        "GTS020",
        "the id `h1` is taken",
        source,
        place("h1", TEXT, last=True),
        (Note("it stands here first", place("h1", TEXT)),),
        "did you mean `h2`?",
    )


def hostile(text: str) -> Diagnostic:
    """Return a finding that has a text in its file's name, source, message, note and hint."""
    source = Source(text, f"before {text} after")
    span = place(text, source.text)
    return Diagnostic("GTS032", text, source, span, (Note(text, span),), text)


def hostile_report(text: str) -> FileReport:
    diagnostic = hostile(text)
    return report(diagnostic.source.name, Findings([diagnostic]))


def many(number: int) -> Findings:
    source = Source("many.dsl", "x")
    return Findings.of(Diagnostic("GTS001", f"number {index}", source, Span(0, 1)) for index in range(number))
