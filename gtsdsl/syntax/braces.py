"""The brace that is most likely wrong in a text whose braces do not match, by the indentation of lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gtsdsl.syntax.build import Token

_INDENT = re.compile(r"[ \t]*")


class _Brace(NamedTuple):
    """A brace of a text."""

    start: int
    opens: bool
    indent: int
    """Characters by which its line is indented."""
    begins_line: bool


def likely_unclosed(text: str, tokens: Iterable[Token]) -> int | None:
    """Return the offset of a `{` that is most likely not closed; None if the indentation does not tell.

    The line of such a `{` is indented further than the line that begins with its `}`.
    """
    opened: list[_Brace] = []
    for brace in _braces(text, tokens):
        if brace.opens:
            opened.append(brace)
        elif opened:
            opening = opened.pop()
            if brace.begins_line and brace.indent < opening.indent:
                return opening.start
    return None


def likely_unopened(text: str, tokens: Iterable[Token]) -> int | None:
    """Return the offset of a `}` that most likely closes nothing; None if the indentation does not tell.

    Such a `}` begins a line, which is indented further than the line of its `{`.
    """
    opened: list[_Brace] = []
    for brace in _braces(text, tokens):
        if brace.opens:
            opened.append(brace)
        elif not opened or (brace.begins_line and brace.indent > opened[-1].indent):
            return brace.start
        else:
            opened.pop()
    return None


def _braces(text: str, tokens: Iterable[Token]) -> Iterator[_Brace]:
    line = indented = before = 0  # offsets of the line, of its first word, and of the brace before
    for token in tokens:
        if token.kind not in ("LBRACE", "RBRACE"):
            continue
        newline = text.rfind("\n", before, token.start)
        if newline >= 0 or before == 0:
            line = newline + 1
            match = _INDENT.match(text, line)
            indented = match.end() if match else line
        before = token.start
        yield _Brace(token.start, token.kind == "LBRACE", indented - line, token.start == indented)
