"""JSON text to values, with findings for text that is not JSON, is ambiguous or is too large."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice

from gtsdsl.diagnostics import Diagnostic
from gtsdsl.model.references import first_twice
from gtsdsl.model.values import MAX_DIGITS, MAX_STRING, Value, decimal_text
from gtsdsl.source import JsonPath, Source, Span
from gtsdsl.text import printable

MAX_DEPTH = 64
"""The deepest nesting of objects and arrays. The DSL's limits, 20 nested testbeds and values 20 deep, need less."""

MAX_WORDS = 1_500_000
"""The most keys and values; objects and arrays count too. Each takes up to 300 bytes of memory during a check. A full
mesh of 240 hosts has 700,000."""

MAX_FINDINGS = 100
"""The most reported findings of one kind in a document; nobody reads more."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A placeholder for a refused value, until the value's path in the document is known.

    ``key`` is the key of a refused member; None if the value itself is refused.
    """

    code: str
    message: str
    key: str | None = None


def parse(source: Source) -> tuple[Value, tuple[Diagnostic, ...]]:
    """Return the JSON document of a source, and the findings. With findings, the document must not be used.

    Besides text that is not JSON, it refuses: a key that occurs twice in an object, NaN and Infinity, numbers of more
    than `MAX_DIGITS` digits, strings of more than `MAX_STRING` characters, half a surrogate pair in a string, nesting
    deeper than `MAX_DEPTH`, and more than `MAX_WORDS` keys and values.
    """
    text = source.text.removeprefix("\ufeff")
    shift = len(source.text) - len(text)
    too_large = _too_large(source)
    if too_large is not None:
        return None, (too_large,)
    refusals = 0

    def refuse(code: str, message: str, key: str | None = None) -> _Refusal | None:
        nonlocal refusals
        refusals += 1
        return _Refusal(code, message, key) if refusals <= MAX_FINDINGS else None

    def integer(digits: str) -> int | _Refusal | None:
        return int(digits) if len(digits.lstrip("-")) <= MAX_DIGITS else refuse("GTS012", _TOO_MANY_DIGITS)

    def fraction(digits: str) -> Decimal | _Refusal | None:
        try:
            return Decimal(decimal_text(Decimal(digits)))
        except (ValueError, ArithmeticError):  # ArithmeticError: an exponent beyond the range of Decimal
            return refuse("GTS012", _TOO_MANY_DIGITS)

    def constant(name: str) -> _Refusal | None:
        return refuse("GTS006", f"`{name}` is not a JSON number")

    def members(pairs: list[tuple[str, object]]) -> object:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        twice = first_twice(name for name, _ in pairs) or ""
        return refuse("GTS006", f"the key `{printable(twice)}` occurs twice in one object", twice)

    try:
        document = json.loads(
            text, parse_int=integer, parse_float=fraction, parse_constant=constant, object_pairs_hook=members
        )
    except json.JSONDecodeError as error:
        place = Span(error.pos + shift, error.pos + shift + 1)
        message = f"this is not JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        return None, (Diagnostic("GTS006", message, source, place),)
    except RecursionError:
        return None, (_too_deep(source),)
    if _is_too_deep(document):
        return None, (_too_deep(source),)
    if refusals or _ESCAPED_SURROGATE.search(text):
        return document, tuple(islice(_refusals(document, (), source), MAX_FINDINGS))
    return document, ()


_TOO_MANY_DIGITS = f"a number has more than {MAX_DIGITS} digits"
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING = re.compile(r'"((?:[^"\\]++|\\.)*+)"?', re.DOTALL)
_WORD = re.compile(rf'{_STRING.pattern}|[\[{{]|[^\s"\[\]{{}},:]++', re.DOTALL)
_STRING_OR_BRACKET = re.compile(rf"{_STRING.pattern}|[\[{{]|[\]}}]", re.DOTALL)


def _too_large(source: Source) -> Diagnostic | None:
    """Return a finding if a text has too many keys and values or too long a string; it is not parsed for this."""
    text = source.text
    if sum(map(text.count, ",:[{")) >= MAX_WORDS:  # counts characters inside strings too
        word = next(islice(_WORD.finditer(text), MAX_WORDS, None), None)
        if word is not None:
            message = f"the text has more than {MAX_WORDS} keys and values"
            return Diagnostic("GTS012", message, source, Span(*word.span()))
    if len(text) > MAX_STRING:
        for string in _STRING.finditer(text):
            # an escape is one character that takes up to twelve: `😀` is `\ud83d\ude00`
            if string.end() - string.start() > MAX_STRING and len(_ESCAPE.sub("_", string[1])) > MAX_STRING:
                message = f"a string has more than {MAX_STRING} characters"
                return Diagnostic("GTS012", message, source, Span(string.start(), string.start() + 1))
    return None


_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)


def _is_too_deep(document: object) -> bool:
    level = [document] if isinstance(document, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return False
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, dict | list)
        ]
    return bool(level)


def _too_deep(source: Source) -> Diagnostic:
    depth = 0
    place = None
    for token in _STRING_OR_BRACKET.finditer(source.text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            place = Span(*token.span())
            break
    return Diagnostic("GTS012", f"objects and arrays are nested more than {MAX_DEPTH} deep", source, place)


def _refusals(part: object, path: JsonPath, source: Source) -> Iterator[Diagnostic]:
    if isinstance(part, dict):
        for key, child in part.items():
            yield from _half_pairs(key, (*path, key), source)
            yield from _refusals(child, (*path, key), source)
    elif isinstance(part, list):
        for index, child in enumerate(part):
            yield from _refusals(child, (*path, index), source)
    elif isinstance(part, str):
        yield from _half_pairs(part, path, source)
    elif isinstance(part, _Refusal):
        yield Diagnostic(part.code, part.message, source, path if part.key is None else (*path, part.key))


def _half_pairs(text: str, place: JsonPath, source: Source) -> Iterator[Diagnostic]:
    if _SURROGATE.search(text):
        yield Diagnostic("GTS006", f"`{printable(text)}` contains half a surrogate pair", source, place)
