"""From the words of a text whose braces do not match to the brace that is most likely wrong, by the indentation."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gtsdsl.syntax.build import Token

_INDENT = re.compile(r"[ \t]*")


class _Brace(NamedTuple):
    """A brace: where it stands, how far its line is indented, and whether it begins the line."""

    start: int
    opens: bool
    indent: int
    begins_line: bool


def likely_unclosed(text: str, words: Iterable[Token]) -> int | None:
    """Where the `{` stands that a `}` at the beginning of a line passes over: it is indented further than that `}`."""
    opened: list[_Brace] = []
    for brace in _braces(text, words):
        if brace.opens:
            opened.append(brace)
        elif opened:
            opening = opened.pop()
            if brace.begins_line and brace.indent < opening.indent:
                return opening.start
    return None


def likely_unopened(text: str, words: Iterable[Token]) -> int | None:
    """Where the `}` stands, at the beginning of a line, that is indented further than the `{` that it closes."""
    opened: list[_Brace] = []
    for brace in _braces(text, words):
        if brace.opens:
            opened.append(brace)
        elif not opened or (brace.begins_line and brace.indent > opened[-1].indent):
            return brace.start
        else:
            opened.pop()
    return None


def _braces(text: str, words: Iterable[Token]) -> Iterator[_Brace]:
    line = indented = before = 0  # where the line begins, where its first word does, how far the text is read
    for word in words:
        if word.kind not in ("LBRACE", "RBRACE"):
            continue
        newline = text.rfind("\n", before, word.start)
        if newline >= 0 or before == 0:
            line = newline + 1
            match = _INDENT.match(text, line)
            indented = match.end() if match else line
        before = word.start
        yield _Brace(word.start, word.kind == "LBRACE", indented - line, word.start == indented)
