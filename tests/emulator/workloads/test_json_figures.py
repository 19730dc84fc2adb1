"""The JSON that a program prints, as figures and series."""

from __future__ import annotations

import json

import pytest

from emulator.workloads.base import WorkloadError
from emulator.workloads.json_figures import MOST_BYTES, MOST_DEPTH, MOST_FIGURES, figures_of
from emulator.workloads.model import Figure, Series


def test_numbers_are_figures_and_nested_ones_have_the_way_to_them_as_their_names() -> None:
    figures, series = figures_of('{"a": 1, "b": {"c": 2.5, "d": {"e": null}}, "f": [{"g": 3}, {"g": 4}]}')
    assert figures == (
        Figure("a", 1.0, ""), Figure("b.c", 2.5, ""), Figure("b.d.e", None, ""), Figure("f.0.g", 3.0, ""),
        Figure("f.1.g", 4.0, ""),
    )  # fmt: skip
    assert series == ()


def test_lists_of_numbers_are_series() -> None:
    figures, series = figures_of('{"rtt": [1, 2.5], "deep": {"er": [3]}, "mixed": [1, null], "none": []}')
    assert series == (Series("rtt", "", (1.0, 2.5)), Series("deep.er", "", (3.0,)))
    assert figures == (Figure("mixed.0", 1.0, ""), Figure("mixed.1", None, ""))


def test_a_number_or_a_list_may_have_a_unit() -> None:
    text = '{"rtt": {"value": 17.4, "unit": "ms"}, "all": {"values": [1, 2], "unit": "ms"}, "x": {"value": 1}}'
    figures, series = figures_of(text)
    assert figures == (Figure("rtt", 17.4, "ms"), Figure("x.value", 1.0, ""))
    assert series == (Series("all", "ms", (1.0, 2.0)),)


def test_texts_and_booleans_are_left_out() -> None:
    assert figures_of('{"version": "3.12", "ok": true, "list": ["a", false], "n": 1}')[0] == (Figure("n", 1.0, ""),)


def test_a_name_moves_no_terminals_cursor_and_has_an_end() -> None:
    (first, second), _ = figures_of(json.dumps({"a\x1b[2J": 1, "b" * 500: 2}))
    assert first.name == "a\\x1b[2J"
    assert len(second.name) == 100


DEEP = MOST_DEPTH + 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is no JSON: Expecting value"),
        ("hello", "it is no JSON"),
        ('{"a": 1} {"b": 2}', "it is no JSON: Extra data"),
        ("[1]", "it is JSON, but no object"),
        ("{}", "it has no number"),
        ('{"a": "1", "b": null}', "it has no number"),
        ('{"a": NaN}', "NaN is no number of JSON"),
        ('{"a": -Infinity}', "-Infinity is no number of JSON"),
        ('{"a": 1e999}', "a is too large"),
        ('{"a": [1e999]}', "a is too large"),
        ('{"a": 1' + "0" * 400 + "}", "a is too large"),
        ('{"a": 1' + "0" * 5000 + "}", "it is no JSON"),
        ('{"a.b": 1, "a": {"b": 2}}', r"the name a\.b is there twice"),
        ('{"a":' * DEEP + "1" + "}" * DEEP, "it is nested deeper than 16 levels"),
        ('{"a":' + "[[" * 100_000 + "]]" * 100_000 + "}", "it is nested deeper than 16 levels"),
        (json.dumps({str(it): it for it in range(MOST_FIGURES + 1)}), "it has more than 1000 numbers and lists"),
        (json.dumps({"a": "x" * MOST_BYTES}), "it has more than 1 MiB"),
    ],
    ids=range(17),
)
def test_what_cannot_be_used_is_an_error_in_a_line(text: str, message: str) -> None:
    with pytest.raises(WorkloadError, match=message) as caught:
        figures_of(text)
    assert "\n" not in str(caught.value)
