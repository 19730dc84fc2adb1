"""The check against a schema knows each keyword and each type that the schemas of inputs use."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator

import pytest

from gtsdsl.data import shipped
from gtsdsl.inputs import json_schema
from gtsdsl.inputs.json_schema import EDITOR_JSON, GTS_JSON


def _used(schema: object) -> Iterator[tuple[str, object]]:
    """Yield the keywords of a schema and of all schemas in it, each with its value."""
    if isinstance(schema, list):
        for part in schema:
            yield from _used(part)
    elif isinstance(schema, dict):
        for keyword, rule in schema.items():
            yield keyword, rule
            if keyword in {"properties", "$defs"}:
                yield from _used(list(rule.values()))
            elif keyword not in {"enum", "const", "required"}:
                yield from _used(rule)


@pytest.mark.parametrize("name", [GTS_JSON, EDITOR_JSON])
def test_every_keyword_and_type_is_known(name: str) -> None:
    used = list(_used(json.loads(shipped("docs", "schema", name).read_text(encoding="utf-8"))))
    cases = re.findall(r"^ +case (.+?), ", inspect.getsource(json_schema._Reader._of_keyword), re.M)
    known = {word for case in cases for word in re.findall(r'"(\w+|\$ref)"', case)} | json_schema._SILENT
    assert {keyword for keyword, _ in used} <= known
    types = [rule for keyword, rule in used if keyword == "type"]
    named = {word for rule in types for word in (rule if isinstance(rule, list) else [rule])}
    assert named <= json_schema._KINDS.keys()
