"""Findings to text for people: the message, the place, the marked source line, notes and hint."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from gtsdsl.diagnostics.codes import Severity
from gtsdsl.diagnostics.findings import Findings
from gtsdsl.diagnostics.model import Diagnostic
from gtsdsl.source import Location, Source, Span
from gtsdsl.text import printable

SHOWN = 200
"""The most findings that are shown; the others are counted, because a mistake in a loop can make a hundred thousand."""

_TAB = 4
_LINE_WIDTH = 120
"""The widest source line, in terminal columns, that is not cut around the place."""
_CONTEXT = 50
"""The columns of a cut line that are shown before the place."""

_RESET = "\x1b[0m"
_BOLD = "\x1b[1m"
_RED = "\x1b[1;31m"
_YELLOW = "\x1b[1;33m"
_BLUE = "\x1b[1;34m"
_CYAN = "\x1b[1;36m"


def render(findings: Findings, *, color: bool, limit: int = SHOWN) -> str:
    """Return findings as text with a blank line between two; an empty string without findings.

    Control and bidirectional characters of the source, of messages and of file names appear as escapes. ``color`` adds
    ANSI escape sequences.
    """
    blocks = [_render_one(diagnostic, color) for diagnostic in findings[:limit]]
    rest = findings.errors + findings.warnings - len(blocks)
    if rest:
        blocks.append(f"… and {rest:,} more finding{'s' if rest > 1 else ''}\n")
    return "\n".join(blocks)


def _render_one(diagnostic: Diagnostic, color: bool) -> str:
    def paint(text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if color else text

    source = diagnostic.source
    style = _RED if diagnostic.severity is Severity.ERROR else _YELLOW
    excerpts = [_excerpt(source, place) for place in _places(diagnostic)]
    gutter = max((len(str(excerpt.line)) for excerpt in excerpts), default=1)
    name = printable(source.name, limit=1000)

    def shown(excerpt: _Excerpt, mark: str, mark_style: str) -> list[str]:
        bar = paint("|", _BLUE)
        marks = " " * excerpt.indent + paint(mark * excerpt.length, mark_style)
        return [
            f"{' ' * gutter}{paint('-->', _BLUE)} {name}:{excerpt.line}:{excerpt.column}",
            f"{' ' * gutter} {bar}",
            f"{paint(str(excerpt.line).rjust(gutter), _BLUE)} {bar} {excerpt.text}".rstrip(),
            f"{' ' * gutter} {bar} {marks}",
        ]

    title = paint(f"{diagnostic.severity.value}[{diagnostic.code}]", style)
    lines = [f"{title}: {paint(_sentence(diagnostic.message), _BOLD)}"]
    if diagnostic.place is None:
        lines.append(f"{' ' * gutter}{paint('-->', _BLUE)} {name}")
    else:
        lines += shown(excerpts.pop(0), "^", style)
    for note, excerpt in zip(diagnostic.notes, excerpts, strict=True):
        lines.append(f"{paint('note', _CYAN)}: {_sentence(note.message)}")
        lines += shown(excerpt, "-", _CYAN)
    if diagnostic.hint:
        lines.append(f"{paint('help', _CYAN)}: {_sentence(diagnostic.hint)}")
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    return printable(text, limit=1000)


def _places(diagnostic: Diagnostic) -> list[Location]:
    first = [] if diagnostic.place is None else [diagnostic.place]
    return first + [note.place for note in diagnostic.notes]


class _Excerpt(NamedTuple):
    """A source line as it is shown, and the columns of the marks below it."""

    line: int
    column: int
    text: str
    indent: int
    length: int


class _Cell(NamedTuple):
    """A character of the source as a terminal shows it, and the number of columns that it takes."""

    text: str
    width: int

    @property
    def cost(self) -> int:
        # a character without width counts too, because a line may have any number of combining marks
        return max(self.width, 1)


def _excerpt(source: Source, place: Location) -> _Excerpt:
    span = source.span(place)
    line_number, column = source.position(span.start)
    line = source.line(line_number)
    start = min(span.start, line.end)
    end = min(start + max(span.end - span.start, 1), line.end)  # only the first of several lines is marked
    left, right = _window(source.text, line, start, end)
    before = "…" if left > line.start else ""
    after = "…" if right < line.end else ""
    cells: list[_Cell] = []
    position = len(before)
    for character in source.text[left:right]:
        cells.append(_cell(character, position))
        position += cells[-1].width
    indent = len(before) + sum(cell.width for cell in cells[: start - left])
    length = sum(cell.width for cell in cells[start - left : max(end - left, 0)])
    text = before + "".join(cell.text for cell in cells) + after
    return _Excerpt(line_number, column, text, indent, max(length, 1))


def _window(text: str, line: Span, start: int, end: int) -> Span:
    """Return the span of a line that is shown: the whole line, or the part around the place."""
    shown = text[line.start : min(line.end, line.start + _LINE_WIDTH + 1)]
    if sum(_cell(character, 0).cost for character in shown) <= _LINE_WIDTH:
        return line
    left, room = start, _CONTEXT
    while left > line.start and room > 0:
        left -= 1
        room -= _cell(text[left], 0).cost
    right, room = start, _LINE_WIDTH - _CONTEXT
    while right < line.end and room > 0:
        room -= _cell(text[right], 0).cost
        right += 1
    return Span(left, max(right, min(end, start + 1)))


def _cell(character: str, column: int) -> _Cell:
    if " " <= character <= "~":
        return _Cell(character, 1)
    if character == "\t":
        width = _TAB - column % _TAB
        return _Cell(" " * width, width)
    escaped = printable(character)
    if escaped != character:
        return _Cell(escaped, len(escaped))
    if unicodedata.east_asian_width(character) in "WF":
        return _Cell(character, 2)
    # combining marks take no column; neither do vowels and final consonants of decomposed Hangul
    if unicodedata.category(character) in ("Mn", "Me") or "\u1160" <= character <= "\u11ff":
        return _Cell(character, 0)
    return _Cell(character, 1)
