"""A JSON document and a published JSON Schema to findings, each with a sentence and a place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache, cached_property
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias, cast

from gtsdsl.data import shipped
from gtsdsl.diagnostics import Diagnostic
from gtsdsl.inputs.json import MAX_FINDINGS
from gtsdsl.model.values import Value
from gtsdsl.source import JsonPath, Source
from gtsdsl.text import did_you_mean, printable

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

GTS_JSON = "gts-json-2.0.schema.json"
EDITOR_JSON = "editor-json.schema.json"

_KINDS: dict[str, tuple[str, tuple[type, ...]]] = {
    "string": ("a string", (str,)),
    "object": ("an object", (dict,)),
    "array": ("an array", (list,)),
    "number": ("a number", (int, Decimal)),
    "integer": ("a whole number", (int,)),
    "boolean": ("true or false", (bool,)),
    "null": ("null", (type(None),)),
}
_SILENT = frozenset({"$schema", "$id", "$defs", "title", "description", "then", "else"})
"""Keywords that refuse no value by themselves."""

_TWO_PORTS = "this must have two strings, one for each of the two ports that an adjacency joins"

_Violation: TypeAlias = tuple[JsonPath, str]


def violations(document: Value, schema: str, source: Source) -> Iterator[Diagnostic]:
    """Yield a finding for each violation of one of the schemas in docs/schema, at most `MAX_FINDINGS`."""
    reader = _reader(schema)
    if reader.is_valid("#", document):
        return
    for place, message in islice(_once(reader.violations(reader.whole, document, ())), MAX_FINDINGS):
        hint = did_you_mean(str(place[-1]), reader.keys) if "no meaning" in message else None
        yield Diagnostic("GTS006", message, source, place, hint=hint)


def _once(violations: Iterator[_Violation]) -> Iterator[_Violation]:
    seen: set[_Violation] = set()
    for violation in violations:
        if violation not in seen:
            seen.add(violation)
            yield violation


@cache
def _reader(schema: str) -> _Reader:
    return _Reader(json.loads(shipped("docs", "schema", schema).read_text(encoding="utf-8")))


class _Reader:
    """A schema, and the search for violations of it.

    jsonschema_rs says whether a document is valid. It does not say where a document is wrong, because it would list
    all errors before it returns the first one, with 3 KB for each of a million errors.
    """

    def __init__(self, whole: dict[str, Value]) -> None:
        self.whole = whole
        self._parts = cast(dict[str, Value], whole["$defs"])
        self._validators: dict[str, Draft202012Validator] = {}

    @cached_property
    def keys(self) -> frozenset[str]:
        """All keys that the schema knows anywhere."""
        return frozenset(key for part in (self.whole, *self._parts.values()) for key in _members(part, "properties"))

    def is_valid(self, reference: str, value: Value) -> bool:
        """Return whether a value is valid for a part of the schema; ``#`` is the whole schema."""
        from jsonschema_rs import Draft202012Validator

        if reference not in self._validators:
            part = self.whole if reference == "#" else {"$ref": reference, "$defs": self._parts}
            self._validators[reference] = Draft202012Validator(part)
        return self._validators[reference].is_valid(value)

    def violations(self, schema: Value, value: Value, path: JsonPath) -> Iterator[_Violation]:
        """Yield each violation of a schema in a value, as a path and a sentence."""
        if schema is False:
            yield path, f"`{printable(str(path[-1]))}` belongs elsewhere and cannot be an attribute"
        if isinstance(schema, dict):
            for keyword, rule in schema.items():
                if keyword not in _SILENT:
                    yield from self._of_keyword(keyword, rule, schema, value, path)

    def _of_keyword(
        self, keyword: str, rule: Value, schema: dict[str, Value], value: Value, path: JsonPath
    ) -> Iterator[_Violation]:
        match keyword, rule, value:
            case "$ref", str(), _:
                if not self.is_valid(rule, value):  # in a long list nearly all items are valid, and this check is fast
                    yield from self.violations(self._parts[rule.removeprefix("#/$defs/")], value, path)
            case "type", _, _:
                names = rule if isinstance(rule, list) else [rule]
                kinds = [kind for name, kind in _KINDS.items() if name in names]
                is_whole = isinstance(value, Decimal) and value == value.to_integral_value() and "integer" in names
                if not is_whole and not any(type(value) in types for _, types in kinds):
                    wanted = " or ".join(text for text, _ in kinds)
                    yield path, f"this must be {wanted}, and is {_kind_of(value)}"
            case "const", _, _:
                if type(value) is not type(rule) or value != rule:
                    yield path, f"this must be {json.dumps(rule)}"
            case "enum", list(), _:
                if value not in rule:
                    yield path, f"this must be one of {', '.join(map(json.dumps, rule))}"
            case "not", _, _:
                if self._fits(rule, value):
                    yield path, _not_a_name(str(value))
            case "if", _, _:
                branch = schema.get("then" if self._fits(rule, value) else "else", True)
                yield from self.violations(branch, value, path)
            case "pattern", str(), str():
                if re.search(rule.replace("$", r"\Z"), value) is None:  # `$` would allow a line feed at the end
                    yield path, _not_a_name(value)
            case "minLength", int(), str():
                if len(value) < rule:
                    yield path, "this must not be empty"
            case "minItems" | "maxItems", int(), list():
                if len(value) < rule if keyword == "minItems" else len(value) > rule:
                    yield path, _TWO_PORTS
            case "items", _, list():
                for index, item in enumerate(value):
                    yield from self.violations(rule, item, (*path, index))
            case "minProperties", int(), dict():
                if len(value) < rule:
                    yield path, f"this must have at least {rule} members"
            case "required", list(), dict():
                yield from ((path, f"`{name}` is missing here") for name in rule if name not in value)
            case "properties", dict(), dict():
                for key, part in rule.items():
                    if key in value:
                        yield from self.violations(part, value[key], (*path, key))
            case "additionalProperties", _, dict():
                known = _members(schema, "properties")
                for key, item in value.items():
                    if key not in known and rule is False:
                        yield (*path, key), f"the key `{printable(key)}` has no meaning here"
                    elif key not in known:
                        yield from self.violations(rule, item, (*path, key))
            case "propertyNames", _, dict():
                for key in value:
                    if not self._fits(rule, key):
                        yield (*path, key), _not_a_name(key) if key else "a name must not be empty"

    def _fits(self, schema: Value, value: Value) -> bool:
        return next(self.violations(schema, value, ("",)), None) is None


def _members(schema: Value, keyword: str) -> Mapping[str, Value]:
    members = schema.get(keyword) if isinstance(schema, dict) else None
    return members if isinstance(members, dict) else {}


def _not_a_name(text: str) -> str:
    from gtsdsl.model.references import RESERVED_WORDS

    shown = printable(text)
    if text in RESERVED_WORDS or text == "port":
        return f"`{shown}` is a word of the DSL and cannot be a name here"
    return f"`{shown}` cannot be a name in the DSL: a name has letters, digits and `_`, and no digit first"


def _kind_of(value: Value) -> str:
    return next(text for text, types in _KINDS.values() if type(value) in types)
