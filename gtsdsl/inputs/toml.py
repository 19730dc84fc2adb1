"""A TOML text to its values, and to the places of its keys and values, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.source import JsonPath, Position, Source, Span

MAX_CHARACTERS = 2**16
MAX_DEPTH = 8
"""The most parts of a key, and the deepest nesting of values. `tomllib` takes a minute for a key of 40,000 parts."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*+)*+")
_SPACE = re.compile(r"[ \t]*+")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]++")
_STRING = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*+"{3,5}'
    r"|'''(?:[^']|'(?!''))*+'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*+"'
    r"|'[^'\n]*+'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}#\r\n]*[^,\]}#\s]")
_MANY_DIGITS = re.compile(r"[+-]?[0-9_]{4300,}+")
_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True)
class TomlDocument:
    """The values of a TOML text, and the spans of its keys and of its values, by their paths."""

    source: Source
    values: Mapping[str, object]
    keys: Mapping[JsonPath, Span]
    places: Mapping[JsonPath, Span]

    def place(self, path: JsonPath) -> Span | None:
        """Return the span of a value; of its key, if the value is a table with a heading; None for the whole text."""
        return self.places.get(path) or self.keys.get(path)


def read_toml(source: Source, code: str) -> TomlDocument:
    """Return what a TOML text holds; ``code`` is that of the finding if it is not TOML.

    Raises:
        GtsError: the text is not TOML, or beyond a limit: too long (GTS005), nested too deep, or with too large a
            number (GTS012).
    """
    if len(source.text) > MAX_CHARACTERS:
        raise GtsError([Diagnostic("GTS005", f"a TOML file has at most {MAX_CHARACTERS:,} characters", source)])
    scanner = _Scanner(source)
    scanner.scan()
    try:
        values = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise GtsError([_not_toml(source, code, str(error))]) from None
    except ValueError:  # a number of so many digits that Python does not even read it
        long = (it for it in scanner.places.values() if _MANY_DIGITS.fullmatch(source.text, it.start, it.end))
        raise GtsError([_too_large(source, next(long, None))]) from None
    document = TomlDocument(source, values, scanner.keys, scanner.places)
    if large := [_too_large(source, document.place(it)) for it in _large(values)]:
        raise GtsError(large)
    return document


def _too_large(source: Source, place: Span | None) -> Diagnostic:
    return Diagnostic("GTS012", "a whole number has at most 64 bits", source, place)


def _large(value: object, path: JsonPath = ()) -> Iterator[JsonPath]:
    """Yield the paths of the whole numbers beyond TOML's range, which could not even be shown."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _large(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _large(item, (*path, index))
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        yield path


def _not_toml(source: Source, code: str, said: str) -> Diagnostic:
    at = _AT.search(said)
    place = None
    if at is not None:
        said = said[: at.start()]
        end = len(source.text.rstrip())
        offset = source.offset(Position(int(at[1]), int(at[2]))) if at[1] else end
        place = Span(offset, min(offset + 1, len(source.text)))
    return Diagnostic(code, f"not TOML: {said[:1].lower()}{said[1:]}", source, place)


class _NotTomlError(Exception):
    """The text is not TOML at some offset; `tomllib` says how."""


@dataclass
class _Scanner:
    """Finds the places of keys and values. It reads each TOML text, and stops at what is certainly none."""

    source: Source
    keys: dict[JsonPath, Span] = field(default_factory=dict)
    places: dict[JsonPath, Span] = field(default_factory=dict)
    last: dict[JsonPath, int] = field(default_factory=dict)
    """The index of the last table of each array of tables."""

    def scan(self) -> None:
        """Find all places.

        Raises:
            GtsError: a key has too many parts, or a value is nested too deep.
        """
        try:
            self._statements()
        except (_NotTomlError, IndexError):  # IndexError: the text ends too early
            return

    def _statements(self) -> None:
        text, offset = self.source.text, 0
        table: JsonPath = ()
        while (offset := self._skip(_BLANK, offset)) < len(text):
            if text.startswith("[", offset):
                brackets = 2 if text.startswith("[[", offset) else 1
                start = self._skip(_SPACE, offset + brackets)
                table, offset = self._key((), start)
                offset = self._expect("]" * brackets, offset)
                if brackets == 2:
                    self.last[table] = self.last.get(table, -1) + 1
                    table = (*table, self.last[table])
                    self.keys[table] = Span(start, self.source.text.rindex("]]", start, offset))
                elif table in self.last:
                    raise _NotTomlError
            else:
                offset = self._pair(table, offset)

    def _pair(self, table: JsonPath, offset: int) -> int:
        path, offset = self._key(table, offset)
        return self._value(path, self._skip(_SPACE, self._expect("=", offset)))

    def _key(self, table: JsonPath, offset: int) -> tuple[JsonPath, int]:
        """Read a key with dots; return its path in the document, and the offset after it."""
        path = table
        while True:
            offset = self._skip(_SPACE, offset)
            match = _STRING.match(self.source.text, offset) or _BARE_KEY.match(self.source.text, offset)
            if match is None:
                raise _NotTomlError
            path = (*path, _unquoted(match[0]))
            self._require_depth(path, offset)
            self.keys.setdefault(path, Span(*match.span()))
            offset = self._skip(_SPACE, match.end())
            if not self.source.text.startswith(".", offset):
                return path, offset
            if not table and path in self.last:
                path = (*path, self.last[path])
            offset += 1

    def _value(self, path: JsonPath, offset: int) -> int:
        """Read a value; return the offset after it."""
        text = self.source.text
        match text[offset]:
            case "[":
                end = self._array(path, offset + 1)
            case "{":
                end = self._inline_table(path, offset + 1)
            case '"' | "'":
                end = self._skip(_STRING, offset)
            case _:
                end = self._skip(_SCALAR, offset)
        self.places[path] = Span(offset, end)
        return end

    def _array(self, path: JsonPath, offset: int) -> int:
        index = 0
        while self.source.text[offset := self._skip(_BLANK, offset)] != "]":
            item = (*path, index)
            self._require_depth(item, offset)
            offset = self._skip(_BLANK, self._value(item, offset))
            index += 1
            if self.source.text[offset] != "]":
                offset = self._expect(",", offset)
        return offset + 1

    def _inline_table(self, path: JsonPath, offset: int) -> int:
        while self.source.text[offset := self._skip(_BLANK, offset)] != "}":
            offset = self._skip(_BLANK, self._pair(path, offset))
            if self.source.text[offset] != "}":
                offset = self._expect(",", offset)
        return offset + 1

    def _skip(self, pattern: re.Pattern[str], offset: int) -> int:
        match = pattern.match(self.source.text, offset)
        if match is None:
            raise _NotTomlError
        return match.end()

    def _expect(self, sign: str, offset: int) -> int:
        if not self.source.text.startswith(sign, offset):
            raise _NotTomlError
        return offset + len(sign)

    def _require_depth(self, path: JsonPath, offset: int) -> None:
        if len(path) > MAX_DEPTH:
            message = f"keys and values are nested more than {MAX_DEPTH} deep"
            raise GtsError([Diagnostic("GTS012", message, self.source, Span(offset, offset + 1))])


def _unquoted(key: str) -> str:
    try:
        return str(tomllib.loads(f"key = {key}")["key"]) if key[0] in "\"'" else key
    except ValueError:
        raise _NotTomlError from None
