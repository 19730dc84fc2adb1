"""From the words of a text whose braces do not match to the brace that is most likely wrong, by the indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable

from gtsdsl.syntax.build import Token

_INDENT = re.compile(r"[ \t]*")


def likely_unclosed(text: str, words: Iterable[Token]) -> int | None:
    """Where the `{` stands that a `}` at the beginning of a line passes over: it is indented further than that `}`."""
    opened: list[tuple[int, int]] = []
    for word in words:
        if word.kind == "LBRACE":
            opened.append((word.start, _indent(text, word.start)))
        elif word.kind == "RBRACE" and opened:
            start, indent = opened.pop()
            if _begins_line(text, word.start) and _indent(text, word.start) < indent:
                return start
    return None


def likely_unopened(text: str, words: Iterable[Token]) -> int | None:
    """Where the `}` stands, at the beginning of a line, that is indented further than the `{` that it closes."""
    opened: list[int] = []
    for word in words:
        if word.kind == "LBRACE":
            opened.append(_indent(text, word.start))
        elif word.kind == "RBRACE":
            if not opened or (_begins_line(text, word.start) and _indent(text, word.start) > opened[-1]):
                return word.start
            opened.pop()
    return None


def _line_start(text: str, offset: int) -> int:
    return text.rfind("\n", 0, offset) + 1


def _indent(text: str, offset: int) -> int:
    """How far the line of an offset is indented."""
    match = _INDENT.match(text, _line_start(text, offset))
    return len(match[0]) if match else 0


def _begins_line(text: str, offset: int) -> bool:
    return not text[_line_start(text, offset) : offset].strip()
