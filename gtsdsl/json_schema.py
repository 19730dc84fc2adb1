"""From a JSON document and a published JSON Schema to diagnostics, each a sentence at the place that it is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING

from gtsdsl.data import shipped
from gtsdsl.diagnostics import Diagnostic, did_you_mean, printable
from gtsdsl.json_input import MAX_FINDINGS
from gtsdsl.source import JsonPath, Source
from gtsdsl.testbed import Value

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

GTS_JSON = "gts-json-2.0.schema.json"
EDITOR_JSON = "editor-json.schema.json"

_KINDS = {
    "string": "a string",
    "object": "an object",
    "array": "an array",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}


def violations(document: Value, schema: str, source: Source) -> Iterator[Diagnostic]:
    """Where a document departs from one of the schemas in docs/schema; at most `MAX_FINDINGS` findings."""
    return islice(_violations(document, schema, source), MAX_FINDINGS)


def _violations(document: Value, schema: str, source: Source) -> Iterator[Diagnostic]:
    validator, known = _compiled(schema)
    seen: set[tuple[JsonPath, str]] = set()
    for error in validator.iter_errors(document):
        path: JsonPath = tuple(error.instance_path)
        for key, message in _sentences(error, path):
            place = path if key is None else (*path, key)
            if (place, message) not in seen:
                seen.add((place, message))
                hint = did_you_mean(key, known) if key is not None and "no meaning" in message else None
                yield Diagnostic("GTS006", message, source, place, hint=hint)


@cache
def _compiled(schema: str) -> tuple[Draft202012Validator, frozenset[str]]:
    from jsonschema_rs import Draft202012Validator  # noqa: PLC0415 (only JSON input needs it)

    text = shipped("docs", "schema", schema).read_text(encoding="utf-8")
    document = json.loads(text)
    keys = {key for part in (document, *document["$defs"].values()) for key in part.get("properties", {})}
    return Draft202012Validator(document), frozenset(keys)


def _sentences(error: ValidationError, path: JsonPath) -> Iterator[tuple[str | None, str]]:
    """Sentences about an error, each with the key that it is about where the error is the object's that holds it."""
    from jsonschema_rs import ValidationErrorKind as Kind  # noqa: PLC0415

    kind = error.kind
    match kind:
        case Kind.Required():
            yield None, f"`{printable(kind.property)}` is missing here"
        case Kind.AdditionalProperties():
            for key in kind.unexpected:
                yield key, f"the key `{printable(key)}` has no meaning here"
        case Kind.PropertyNames():
            key = str(kind.error.instance)
            yield key, _not_a_name(key) if key else "a name must not be empty"
        case Kind.FalseSchema():
            yield None, f"`{printable(str(path[-1]))}` has a place of its own and cannot stand here"
        case Kind.Pattern() | Kind.Not():
            yield None, _not_a_name(str(error.instance))
        case Kind.Type():
            expected = [text for name, text in _KINDS.items() if name in kind.types]
            yield None, f"this must be {' or '.join(expected)}, and is {_kind_of(error.instance)}"
        case Kind.Constant():
            yield None, f"this must be {json.dumps(kind.expected_value)}"
        case Kind.Enum():
            yield None, f"this must be one of {', '.join(json.dumps(option) for option in kind.options)}"
        case Kind.MinLength():
            yield None, "this must not be empty"
        case Kind.MinItems() | Kind.MaxItems():
            yield None, "this must hold two strings, one for each of the two ports that an adjacency joins"
        case Kind.MinProperties():
            yield None, f"this must hold at least {kind.limit} members"
        case _:
            yield None, "this does not fit the format"


def _not_a_name(text: str) -> str:
    from gtsdsl.references import RESERVED_WORDS  # noqa: PLC0415

    shown = printable(text)
    if text in RESERVED_WORDS or text == "port":
        return f"`{shown}` is a word of the DSL and cannot be a name here"
    return f"`{shown}` cannot be a name in the DSL: a name has letters, digits and `_`, and no digit first"


def _kind_of(value: object) -> str:
    if value is None:
        return "null"
    for python_type, name in ((bool, "true or false"), (str, "a string"), (dict, "an object"), (list, "an array")):
        if isinstance(value, python_type):
            return name
    return "a number"
