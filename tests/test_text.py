"""Text for messages: safe names, quantities, and hints at the nearest known name."""

from __future__ import annotations

import pytest

from gtsdsl.text import Hints, did_you_mean, printable, quantity


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("h1", "h1"),
        ("Zürich 1", "Zürich 1"),
        ("a\nb", "a\\nb"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\u202eb", "a\\u202eb"),
        ("\u00a0", "\\xa0"),
        ("\ud800", "\\ud800"),
        ("x" * 81, "x" * 79 + "…"),
    ],
)
def test_a_name_is_shown_on_one_line_without_control_characters(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_number_and_its_noun() -> None:
    assert [quantity(number, "file") for number in (0, 1, 2, 1000)] == ["0 files", "1 file", "2 files", "1,000 files"]


@pytest.mark.parametrize(
    ("name", "known", "near"),
    [
        ("prot1", ["port1", "src"], "port1"),
        ("AMX", ["HAM", "AMS"], "AMS"),  # of equally near names, the one that begins alike
        ("port1l", ["port12", "PORT11"], "PORT11"),  # l looks like 1
        ("h1", ["h1"], None),
        ("zzz", ["port1"], None),
        ("x" * 65, ["x" * 64], None),
        ("a\n1", ["a\n2"], "a\\n2"),
    ],
)
def test_the_nearest_known_name(name: str, known: list[str], near: str | None) -> None:
    assert did_you_mean(name, known) == (None if near is None else f"did you mean `{near}`?")


def test_hints_end_after_so_many_comparisons() -> None:
    hints = Hints()
    assert hints.near("prot1", ["port1"]) == "did you mean `port1`?"
    hints.near("x", (f"y{number}" for number in range(100_000)))
    assert hints.near("prot1", ["port1"]) is None
