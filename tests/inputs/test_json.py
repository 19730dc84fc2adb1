"""JSON paths are found in a text as the lines and columns of values."""

from __future__ import annotations

import pytest

from gtsdsl.source import JsonPath, Source

TEXT = '\ufeff{ "a" : [1, {"b": "x"}, [ ]],\n  "long": ' + "9" * 5000 + ', "c": {"d": null}, "c": {"d": true} }'


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (("a",), '[1, {"b": "x"}, [ ]]'),
        (("a", 0), "1"),
        (("a", 1), '{"b": "x"}'),
        (("a", 1, "b"), '"x"'),
        (("a", 2), "[ ]"),
        (("long",), "9" * 5000),
        (("c", "d"), "true"),  # of a key that stands twice, the last
        (("a", 1, "absent"), '{"b": "x"}'),
        (("a", 7, "absent"), '[1, {"b": "x"}, [ ]]'),
        (("a", 0, "absent"), "1"),
        (("a", "0"), '[1, {"b": "x"}, [ ]]'),
    ],
)
def test_a_path_names_a_stretch_of_text(path: JsonPath, found: str) -> None:
    span = Source("x", TEXT).span(path)
    assert TEXT[span.start : span.end] == found


def test_the_empty_path_is_the_whole_document() -> None:
    assert Source("x", " [1] \n").span(()) == (1, 4)
