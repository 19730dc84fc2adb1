"""References are split where the ids that exist say so; names are those that the DSL can write."""

from __future__ import annotations

import pytest

from gtsdsl.model.references import RESERVED_WORDS, is_attribute_name, is_name, split_reference

PORTS_OF = {"h1": ["p1"], "a": ["b.c", "x"], "a.b": ["d"], "..": [".."], "n": []}


@pytest.mark.parametrize(
    ("text", "resource", "port"),
    [
        ("h1.p1", "h1", "p1"),
        ("h1.absent", "h1", "absent"),
        ("absent.p1", "absent", "p1"),
        ("absent.p.q", "absent", "p.q"),
        ("a.b.c", "a", "b.c"),
        ("a.b.d", "a.b", "d"),
        ("a.b.absent", "a", "b.absent"),  # both resources exist, neither port
        (".....", "..", ".."),
        ("up", "", "up"),
        ("absent", "", "absent"),
        ("odd.up", "", "odd.up"),
        ("a.x", "a", "x"),  # a resource's port rather than the testbed's own of that name
        ("n.up", "", "n.up"),
        (".p", "", ".p"),
        ("h1.", "h1", ""),
        ("", "", ""),
    ],
)
def test_split_reference(text: str, resource: str, port: str) -> None:
    assert split_reference(text, PORTS_OF, {"up", "odd.up", "a.x", "n.up"}) == (resource, port)


@pytest.mark.parametrize("word", ["h1", "_", "A9", "port", "it", "Island"])
def test_a_word_is_a_name(word: str) -> None:
    assert is_name(word)
    assert is_attribute_name(word)


@pytest.mark.parametrize("word", ["", "1a", "a-b", "a b", "a\n", "é", *sorted(RESERVED_WORDS - {"type"})])
def test_a_word_is_no_name(word: str) -> None:
    assert not is_name(word)
    assert not is_attribute_name(word)


def test_type_names_an_attribute_only() -> None:
    assert is_attribute_name("type")
    assert not is_name("type")
