"""A text with a name, and places in it: offsets to lines and columns, JSON paths to offsets."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias


class Span(NamedTuple):
    """A stretch of a text, as offsets in characters; ``end`` is behind its last character."""

    start: int
    end: int


JsonPath: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a JSON document, e.g. ``("resources", 3, "id")``."""

Place: TypeAlias = Span | JsonPath
"""Where in a source something stands. (A `Span` is told from a `JsonPath` by its type.)"""


class Position(NamedTuple):
    """A line and a column, both counted from 1; a column counts characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """A text as a user gave it: its name (a path, or ``<stdin>``) and its characters."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> array[int]:
        starts = array("q", [0])  # not a list: a file can be nothing but line ends
        starts.extend(match.end() for match in re.finditer("\n", self.text))
        return starts

    def position(self, offset: int) -> Position:
        """The line and column of an offset."""
        line = bisect_right(self._line_starts, min(offset, len(self.text)))
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """The offset of a line and column; beyond the text's end, the end."""
        if position.line > len(self._line_starts):
            return len(self.text)
        return min(self._line_starts[position.line - 1] + position.column - 1, len(self.text))

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its end."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")

    def span(self, place: Place) -> Span:
        """The stretch of text that a place names. A JSON path is looked up in the text, which must be valid JSON."""
        if isinstance(place, Span):
            return place
        return _find_in_json(self.text, place)


_SPACE = " \t\r\n\ufeff"


def _find_in_json(text: str, path: JsonPath) -> Span:
    decoder = json.JSONDecoder()

    def skip(offset: int) -> int:
        while offset < len(text) and text[offset] in _SPACE:
            offset += 1
        return offset

    start = skip(0)
    for wanted in path:
        closing = "}" if isinstance(wanted, str) else "]"
        offset = skip(start + 1)
        found = None
        index = 0
        while offset < len(text) and text[offset] != closing:
            key: str | int = index
            if isinstance(wanted, str):
                key, offset = decoder.raw_decode(text, offset)
                offset = skip(skip(offset) + 1)
            value_start = offset
            offset = skip(decoder.raw_decode(text, offset)[1])
            if key == wanted:
                found = value_start  # no break: of a key that stands twice, json takes the last
                if isinstance(wanted, int):
                    break
            index += 1
            if offset < len(text) and text[offset] == ",":
                offset = skip(offset + 1)
        if found is None:  # the path ends inside something absent: point at what should hold it
            break
        start = found
    return Span(start, decoder.raw_decode(text, start)[1])
