"""A text with a name, and places in it: offsets, lines and columns, and paths of JSON."""

from __future__ import annotations

import json
import re
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias


class Span(NamedTuple):
    """A part of a text between two offsets in characters. ``end`` is the offset after its last character."""

    start: int
    end: int


JsonPath: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the root of a JSON document, e.g. ``("resources", 3, "id")``."""

Location: TypeAlias = Span | JsonPath
"""A place in a source: offsets, or the path of a JSON value. The type tells which of the two it is."""


class Position(NamedTuple):
    """A line and a column, both counted from 1. A column is a number of characters."""

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
        """Return the line and column of an offset."""
        line = bisect_right(self._line_starts, min(offset, len(self.text)))
        return Position(line, offset - self._line_starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """Return the offset of a line and column, at most the text's length."""
        if position.line > len(self._line_starts):
            return len(self.text)
        return min(self._line_starts[position.line - 1] + position.column - 1, len(self.text))

    def line(self, number: int) -> Span:
        """Return the span of a line (counted from 1) without its end; not its text, which can be the whole source."""
        start = self._line_starts[number - 1]
        end = self._line_starts[number] if number < len(self._line_starts) else len(self.text)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return Span(start, end)

    def span(self, place: Location) -> Span:
        """Return the span of a place. For a JSON path, the text must be valid JSON."""
        if isinstance(place, Span):
            return place
        return self._find_in_json(place)

    def _find_in_json(self, path: JsonPath) -> Span:
        start = _skip_space(self.text, 0)
        for key in path:
            child = self._json_child(start, key)
            if child is None:  # the path leads to a missing member: point at the object or array that lacks it
                break
            start = child
        return Span(start, self._json_end(start))

    def _json_child(self, start: int, key: str | int) -> int | None:
        """Return the offset at which a member of the object or array at ``start`` begins; None if it is missing.

        The offsets of all members are kept, so that a thousand findings in one large file do not each read it anew.
        """
        if start not in self._json_containers:
            self._json_containers[start] = self._json_members(start)
        members = self._json_containers[start]
        if isinstance(members, dict):
            return members.get(key) if isinstance(key, str) else None
        return members[key] if isinstance(key, int) and key < len(members) else None

    def _json_members(self, start: int) -> dict[str, int] | array[int]:
        text = self.text
        items = array("q")
        members: dict[str, int] = {}
        if text[start] not in "{[":
            return items
        offset = _skip_space(text, start + 1)
        while text[offset] not in "]}":
            if text[start] == "{":  # of two members with the same key, the last counts, as in Python's json
                key, offset = _JSON.raw_decode(text, offset)
                offset = _skip_space(text, _skip_space(text, offset) + 1)
                members[key] = offset
            else:
                items.append(offset)
            offset = _skip_space(text, self._json_end(offset))
            if text[offset] == ",":
                offset = _skip_space(text, offset + 1)
        return members if text[start] == "{" else items

    def _json_end(self, start: int) -> int:
        """Return the offset after the value that begins at an offset."""
        if self.text[start] in "{[":
            starts, ends = self._json_brackets
            return ends[bisect_left(starts, start)]
        scalar = _SCALAR.match(self.text, start)
        return scalar.end() if scalar else start

    @cached_property
    def _json_brackets(self) -> tuple[array[int], array[int]]:
        """The offsets at which objects and arrays begin, in order, and at which each ends: to skip members unread."""
        starts, ends, unclosed = array("q"), array("q"), []
        for token in _STRING_OR_BRACKET.finditer(self.text):
            sign = self.text[token.start()]
            if sign in "{[":
                unclosed.append(len(starts))
                starts.append(token.start())
                ends.append(0)
            elif sign != '"':
                ends[unclosed.pop()] = token.end()
        return starts, ends

    @cached_property
    def _json_containers(self) -> dict[int, dict[str, int] | array[int]]:
        return {}


_SPACE = re.compile(r"[ \t\r\n\ufeff]*")
_STRING = r'"(?:[^"\\]++|\\.)*+"'
_SCALAR = re.compile(rf"{_STRING}|[^\s,\]}}]++", re.DOTALL)
_STRING_OR_BRACKET = re.compile(rf"{_STRING}|[\[\]{{}}]", re.DOTALL)
_JSON = json.JSONDecoder()


def _skip_space(text: str, offset: int) -> int:
    space = _SPACE.match(text, offset)
    return space.end() if space else offset
