"""A text with a name, and places in it: offsets to lines and columns, JSON paths to offsets."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
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
        return self._find_in_json(place)

    def _find_in_json(self, path: JsonPath) -> Span:
        start = _skip_space(self.text, 0)
        for key in path:
            child = self._json_children(start).get(key)
            if child is None:  # the path ends inside something absent: point at what should hold it
                break
            start = child
        return Span(start, _JSON.raw_decode(self.text, start)[1])

    def _json_children(self, start: int) -> dict[str | int, int]:
        """Where the members of the object or array at an offset begin, by key or index.

        Kept, so that a thousand findings in one large file do not each read it from its beginning.
        """
        if start not in self._json_containers:
            self._json_containers[start] = dict(_json_members(self.text, start))
        return self._json_containers[start]

    @cached_property
    def _json_containers(self) -> dict[int, dict[str | int, int]]:
        return {}


_SPACE = " \t\r\n\ufeff"
_JSON = json.JSONDecoder(parse_int=str, parse_float=str)  # numbers of any length: only their ends are wanted


def _skip_space(text: str, offset: int) -> int:
    while offset < len(text) and text[offset] in _SPACE:
        offset += 1
    return offset


def _json_members(text: str, start: int) -> Iterator[tuple[str | int, int]]:
    if text[start] not in "{[":
        return
    is_object = text[start] == "{"
    offset = _skip_space(text, start + 1)
    index = 0
    while text[offset] not in "]}":
        key: str | int = index
        if is_object:  # a key that stands twice: the last counts, as for json
            key, offset = _JSON.raw_decode(text, offset)
            offset = _skip_space(text, _skip_space(text, offset) + 1)
        yield key, offset
        offset = _skip_space(text, _JSON.raw_decode(text, offset)[1])
        index += 1
        if text[offset] == ",":
            offset = _skip_space(text, offset + 1)
