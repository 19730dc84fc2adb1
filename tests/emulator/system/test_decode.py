"""JSON becomes the value of a type, or an error of one line: nothing is converted, filled in or passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

from emulator.system.decode import decode, encode
from emulator.system.errors import EmulationError


@dataclass(frozen=True)
class Part:
    """A value within another."""

    name: str
    count: int = 0


@dataclass(frozen=True)
class Whole:
    """A value with a field of each kind."""

    size: float
    is_good: bool
    kind: Literal["one", "two"]
    part: Part | None
    parts: tuple[Part, ...]
    pair: tuple[str, int]
    figures: dict[str, float]
    rest: object
    family: Literal[4, 6] | None = None


WHOLE = Whole(
    1.5, True, "two", Part("a"), (Part("b", 1), Part("\udc80", 2)), ("c", 3), {"d": 4.0}, [{"e": [None, "f"]}]
)


def changed(field: str, value: object) -> bytes:
    return json.dumps({**json.loads(encode(WHOLE)), field: value}).encode()


def test_a_value_is_the_same_after_its_json() -> None:
    assert decode(Whole, encode(WHOLE), "it") == WHOLE
    assert decode(Whole, encode(WHOLE).decode(), "it") == WHOLE


@pytest.mark.parametrize(("field", "value"), [("size", 2), ("part", None), ("parts", []), ("figures", {}), ("rest", 0)])
def test_another_value_of_the_type_is_taken(field: str, value: object) -> None:
    decode(Whole, changed(field, value), "it")


DEEP = json.loads("[" * 21 + "]" * 21)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", "1.5"),
        ("size", True),
        ("size", None),
        ("size", float("nan")),
        ("size", float("inf")),
        ("size", 10**400),
        ("is_good", 1),
        ("is_good", "true"),
        ("kind", "three"),
        ("kind", ["one"]),
        ("part", {"name": "a"}),
        ("part", {"name": "a", "count": 1.0}),
        ("part", {"name": "a", "count": True}),
        ("part", {"name": "a", "count": 1, "more": 1}),
        ("part", ["a", 1]),
        ("part", []),
        ("parts", {}),
        ("parts", [None]),
        ("parts", "ab"),
        ("pair", ["c"]),
        ("pair", ["c", 3, 3]),
        ("pair", [3, "c"]),
        ("figures", []),
        ("figures", {"d": "4"}),
        ("rest", DEEP),
        ("more", 1),
    ],
)
def test_a_value_of_another_type_is_refused(field: str, value: object) -> None:
    with pytest.raises(EmulationError, match=r"^the result is malformed: [ -~]{1,100}$"):
        decode(Whole, changed(field, value), "the result")


def test_a_missing_field_is_refused_also_where_it_has_a_default() -> None:
    fields: Mapping[str, object] = json.loads(encode(Part("a")))
    with pytest.raises(EmulationError, match="this list or object is not of type Part"):
        decode(Part, json.dumps({"name": fields["name"]}), "it")


@pytest.mark.parametrize("text", ["", "no JSON", "[" * 100_000, b"\xff", "\udc80", '"\x1b[31m"', "1 2"])
def test_what_is_not_json_of_the_type_is_an_error_of_one_line(text: str | bytes) -> None:
    with pytest.raises(EmulationError, match=r"^it is malformed: [ -~]{1,100}$"):
        decode(Part, text, "it")


@pytest.mark.parametrize("part", ["[]", "{}"])
def test_a_text_made_to_fill_the_memory_is_refused_before_it_is_read(part: str) -> None:
    with pytest.raises(EmulationError, match=r"it has more than 1000000 lists and objects$"):
        decode(object, f"[{','.join([part] * 1_000_001)}]", "it")
