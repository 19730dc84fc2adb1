"""The places of keys and values in TOML, and what is refused."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.diagnostics import GtsError
from gtsdsl.inputs.toml import MAX_CHARACTERS, MAX_DEPTH, TomlDocument, read_toml
from gtsdsl.source import JsonPath, Source

TEXT = '''# a comment with "quotes" and [brackets]
title = "a # in a string" # and one after it
a.b . "c d" = 1
'x.y' = 'C:\\'
when = 1979-05-27 07:32:00
basic = """one
two = "not a key"
[not a table]\\
  end""""
literal = \'\'\'
three = 3
''\'\'\'
list = [ # first
  "a", 'b,]', # second ]
  [1, {deep = [2]}],
]
inline = { first = 1, second.third = [true], "4" = {} }
empty = []

[ overlay . "weave:sleeve" ]
password = "x"
[overlay]
name = 1
[[run]]
seed = 1
[[run]]
seed = 2
[run.more]
deep = 3
[[run.cell]]
key = "k"
[[run.cell]]
'''


def leaves(value: object, path: JsonPath = ()) -> Iterator[tuple[JsonPath, object]]:
    """Yield each value that is no table and no array, with its path."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaves(item, (*path, index))
    else:
        yield path, value


def test_the_place_of_each_value_is_where_it_stands() -> None:
    document = read_toml(Source("t.toml", TEXT), "GTS008")
    found = dict(leaves(document.values))
    assert {path for path in document.places if path in found} == set(found)
    for path, value in found.items():
        span = document.places[path]
        written = TEXT[span.start : span.end]
        assert read_toml(Source("v.toml", f"v = {written}"), "GTS008").values == {"v": value}
        if isinstance(path[-1], str):
            key = document.keys[path]
            assert TEXT[key.start : key.end].strip("\"'") == path[-1]
    assert found["when",] == datetime.datetime(1979, 5, 27, 7, 32)
    assert found["literal",] == "three = 3\n''"
    assert document.source.position(document.keys["run", 1, "more", "deep"].start) == (29, 1)
    assert document.source.position(document.keys["overlay", "weave:sleeve"].start) == (20, 13)
    assert document.place(("list",)) == document.places["list",]
    assert document.place(("overlay",)) == document.keys["overlay",]
    assert document.place(("nothing",)) is None


def read(text: str) -> tuple[TomlDocument | None, set[str]]:
    """Return what a text holds, or the codes of its findings."""
    try:
        return read_toml(Source("t.toml", text), "GTS008"), set()
    except GtsError as error:
        return None, {it.code for it in error.diagnostics}


MANY = settings(max_examples=60)
KEYS = st.text(max_size=5)
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def written(value: object) -> str:
    """Return a value as TOML in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(key)} = {written(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",\n # comment ]\n".join(map(written, value)) + "]" if all_in_lines(value) else str_list(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def all_in_lines(value: list[object]) -> bool:
    """Return whether an array may have line ends: not in an inline table before TOML 1.1."""
    return not any(isinstance(item, dict) for item in value)


def str_list(value: list[object]) -> str:
    return "[" + ", ".join(map(written, value)) + "]"


@MANY
@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_each_value_of_any_document_has_its_place(values: dict[str, object]) -> None:
    text = "".join(f"{written(key)} = {written(value)}\n" for key, value in values.items())
    document, codes = read(text)
    if document is None:
        assert codes == {"GTS012"}
        return
    assert document.values == values
    for path, value in leaves(document.values):
        span = document.places[path]
        assert read_toml(Source("v.toml", f"v = {text[span.start : span.end]}"), "GTS008").values == {"v": value}


@MANY
@given(st.text(alphabet="ab.=[]{}\"',#\\\n 1", max_size=40))
def test_any_text_is_read_or_refused_with_a_place(text: str) -> None:
    document, codes = read(text)
    if document is None:
        assert codes <= {"GTS008", "GTS012"}
        return
    assert {path for path, _ in leaves(document.values)} <= document.places.keys()


@pytest.mark.parametrize(
    ("text", "code", "message", "position"),
    [
        ("a = 1\nb = \n", "GTS008", "not TOML: invalid value", (2, 5)),
        ("a = 1\na = 2\n", "GTS008", "not TOML: cannot overwrite a value", (2, 6)),
        ('a = "x', "GTS008", "not TOML: ", (1, 7)),
        ("a = " + "[" * (MAX_DEPTH + 1), "GTS012", "nested more than 8 deep", (1, 5 + MAX_DEPTH)),
        (".".join("a" * 20_000) + " = 1", "GTS012", "nested more than 8 deep", (1, 2 * MAX_DEPTH + 1)),
        ("a = 1\nb = [2, -" + "9_9" * 2500 + "]", "GTS012", "a whole number has at most 64 bits", (2, 9)),
        ("a = [1, 0x" + "f" * 5000 + "]", "GTS012", "a whole number has at most 64 bits", (1, 9)),
        ("#" * (MAX_CHARACTERS + 1), "GTS005", "a TOML file has at most 65,536 characters", None),
    ],
    ids=["value", "twice", "string", "nested", "dotted", "digits", "bits", "large"],
)
def test_what_is_wrong_has_its_line_and_column(
    text: str, code: str, message: str, position: tuple[int, int] | None
) -> None:
    source = Source("t.toml", text)
    with pytest.raises(GtsError) as caught:
        read_toml(source, "GTS008")
    (found,) = caught.value.diagnostics
    assert found.code == code
    assert message in found.message
    assert (None if found.place is None else source.position(source.span(found.place).start)) == position
