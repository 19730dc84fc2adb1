"""From JSON text of unknown origin to values, with every oddity that JSON leaves open reported at its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from gtsdsl.diagnostics import Diagnostic, printable
from gtsdsl.source import JsonPath, Source, Span
from gtsdsl.testbed import MAX_DIGITS, Value, decimal_text

MAX_DEPTH = 64
"""The most objects and arrays inside each other: room for the DSL's own bounds, twenty testbeds in each other and
values twenty deep."""

MAX_FINDINGS = 100
"""After so many findings of one kind in a document the rest is not reported: nobody reads it."""


@dataclass(frozen=True, slots=True)
class _Oddity:
    """Stands in a document for a part that cannot be taken, until its path is known."""

    code: str
    message: str
    key: str | None = None


def parse(source: Source) -> tuple[Value, tuple[Diagnostic, ...]]:
    """The document that a source holds. Where there are diagnostics, it cannot be used.

    Refused are, beyond what is no JSON: a key that stands twice in an object, NaN and Infinity, numbers of more than
    `MAX_DIGITS` digits, half a surrogate pair in a string, and nesting deeper than `MAX_DEPTH`.
    """
    text = source.text.removeprefix("\ufeff")
    shift = len(source.text) - len(text)
    oddities: list[_Oddity] = []

    def odd(code: str, message: str, key: str | None = None) -> _Oddity:
        oddities.append(_Oddity(code, message, key))
        return oddities[-1]

    def integer(digits: str) -> int | _Oddity:
        return int(digits) if len(digits.lstrip("-")) <= MAX_DIGITS else odd("GTS012", _TOO_MANY_DIGITS)

    def fraction(digits: str) -> Decimal | _Oddity:
        try:
            return Decimal(decimal_text(Decimal(digits)))
        except (ValueError, ArithmeticError):  # ArithmeticError: an exponent that even Decimal cannot hold
            return odd("GTS012", _TOO_MANY_DIGITS)

    def constant(name: str) -> _Oddity:
        return odd("GTS006", f"`{name}` is no JSON number")

    def members(pairs: list[tuple[str, object]]) -> object:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        return odd("GTS006", f"the key `{printable(twice)}` stands twice in one object", twice)

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
    if oddities or _ESCAPED_SURROGATE.search(text):
        return document, tuple(_find_oddities(document, source))
    return document, ()


_TOO_MANY_DIGITS = f"a number has more than {MAX_DIGITS} digits"
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


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
    return Diagnostic("GTS012", f"objects and arrays stand more than {MAX_DEPTH} deep in each other", source, place)


def _find_oddities(document: object, source: Source) -> Iterator[Diagnostic]:
    waiting: list[tuple[object, JsonPath]] = [(document, ())]
    found = 0
    while waiting and found < MAX_FINDINGS:
        part, path = waiting.pop()
        texts: list[tuple[str, JsonPath]] = []
        if isinstance(part, dict):
            texts = [(key, (*path, key)) for key in part]
            waiting.extend((child, (*path, key)) for key, child in reversed(part.items()))
        elif isinstance(part, list):
            waiting.extend((part[index], (*path, index)) for index in reversed(range(len(part))))
        elif isinstance(part, str):
            texts = [(part, path)]
        elif isinstance(part, _Oddity):
            found += 1
            yield Diagnostic(part.code, part.message, source, path if part.key is None else (*path, part.key))
        for text, place in texts:
            if _SURROGATE.search(text):
                found += 1
                yield Diagnostic("GTS006", f"`{printable(text)}` holds half a surrogate pair", source, place)
