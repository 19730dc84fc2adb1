"""Lines and columns as an editor counts them, and the offsets that they stand for."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Literal, NamedTuple, TypeAlias

from gtsdsl.source import Span

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]
"""The unit of columns: bytes, UTF-16 units or characters. An editor says which it supports; all support UTF-16."""

_LINE_END = re.compile(r"\r\n|\n|\r")
_WIDE = {"utf-8": re.compile("[^\x00-\x7f]"), "utf-16": re.compile("[\U00010000-\U0010ffff]"), "utf-32": None}


class EditorPosition(NamedTuple):
    """A line and a column, both counted from 0; a column counts units of an `Encoding`."""

    line: int
    column: int


class Lines:
    """A text with its lines, each of which ends with a line feed, a carriage return, or both."""

    def __init__(self, text: str, encoding: Encoding = "utf-16") -> None:
        self.text = text
        self.encoding: Encoding = encoding
        self._starts = array("q", [0])
        self._starts.extend(match.end() for match in _LINE_END.finditer(text))

    def place(self, offset: int) -> EditorPosition:
        """Return the line and column of an offset."""
        offset = max(0, min(offset, len(self.text)))
        line = bisect_right(self._starts, offset) - 1
        start = self._starts[line]
        return EditorPosition(line, offset - start + self._extra(offset) - self._extra(start))

    def offset(self, place: EditorPosition) -> int:
        """Return the offset of a line and column.

        A column beyond the end of its line gives this end; one inside a character gives the character's beginning.
        """
        if place.line < 0:
            return 0
        if place.line >= len(self._starts):
            return len(self.text)
        start = self._starts[place.line]
        end = self._starts[place.line + 1] if place.line + 1 < len(self._starts) else len(self.text)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        if place.column <= 0:
            return start
        before = self._extra(start)
        # columns grow with offsets: the last offset whose column is not beyond the wanted one
        found = bisect_right(range(start, end + 1), place.column, key=lambda it: it - start + self._extra(it) - before)
        return start + found - 1

    def range(self, span: Span) -> tuple[EditorPosition, EditorPosition]:
        """Return the positions of the two ends of a span."""
        return self.place(span.start), self.place(span.end)

    def edited(self, start: EditorPosition, end: EditorPosition, new: str) -> Lines:
        """Return the text with ``new`` in place of what stands between two positions."""
        first, last = self.offset(start), self.offset(end)
        return Lines(self.text[:first] + new + self.text[max(first, last) :], self.encoding)

    def _extra(self, offset: int) -> int:
        """Return the number of units before an offset minus the number of characters."""
        offsets, totals = self._wide
        return totals[bisect_left(offsets, offset)]

    @cached_property
    def _wide(self) -> tuple[array[int], array[int]]:
        """The offsets of characters that take several units, and the sum of the additional units up to each of them."""
        offsets, totals = array("q"), array("q", [0])
        pattern = _WIDE[self.encoding]
        if pattern is None or self.text.isascii():
            return offsets, totals
        total = 0
        for match in pattern.finditer(self.text):
            offsets.append(match.start())
            code = ord(match[0])
            total += 1 if self.encoding == "utf-16" else 1 + (code > 0x7FF) + (code > 0xFFFF)
            totals.append(total)
        return offsets, totals
