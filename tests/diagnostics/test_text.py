"""Findings as text for people."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.diagnostics import Diagnostic, Findings, GtsError
from gtsdsl.diagnostics.text import SHOWN, render
from gtsdsl.source import Source, Span
from tests.diagnostics.samples import HOSTILE, duplicate, hostile, many, place


def shown(text: str, marked: str, *, last: bool = False) -> list[str]:
    """Return the source line and the line of marks that a finding at ``marked`` shows, behind the gutter."""
    diagnostic = Diagnostic("GTS001", "wrong", Source("a.dsl", text), place(marked, text, last=last))
    lines = render(Findings([diagnostic]), color=False).splitlines()
    return [line.split("|", 1)[1].removeprefix(" ") for line in lines[3:5]]


def columns(text: str) -> int:
    """Return how many columns a terminal takes for a text, by the Unicode properties alone."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def test_a_finding_with_all_its_parts() -> None:
    assert render(Findings([duplicate()]), color=False) == (
        "error[GTS020]: the id `h1` is taken\n"
        " --> mesh.dsl:3:13\n"
        "  |\n"
        '3 |     host { id="h1" }\n'
        "  |                ^^\n"
        "note: it stands here first\n"
        " --> mesh.dsl:2:13\n"
        "  |\n"
        '2 |     host { id="h1" }\n'
        "  |                --\n"
        "help: did you mean `h2`?\n"
    )


def test_a_finding_about_the_whole_file_has_no_line() -> None:
    diagnostic = Diagnostic("GTS002", "no such file", Source("a.dsl", ""))
    assert render(Findings([diagnostic]), color=False) == "error[GTS002]: no such file\n --> a.dsl\n"


def test_no_findings_are_no_text() -> None:
    assert render(Findings(), color=False) == ""


def test_a_blank_line_stands_between_two() -> None:
    assert render(Findings(many(2)), color=False).count("\n\nerror[GTS001]: number 1\n") == 1


def test_an_error_that_nobody_caught_shows_its_findings() -> None:
    assert str(GtsError([duplicate()])) == render(Findings([duplicate()]), color=False)


def test_the_gutter_is_as_wide_as_the_largest_line_number() -> None:
    text = "first\n" + "\n" * 98 + "last"
    diagnostic = Diagnostic("GTS001", "wrong", Source("a", text), place("last", text))
    lines = render(Findings([diagnostic]), color=False).splitlines()
    assert lines[1:] == ["   --> a:100:1", "    |", "100 | last", "    | ^^^^"]


@pytest.mark.parametrize(
    ("text", "marked", "indent", "length"),
    [
        ("ab CD ef", "CD", 3, 2),
        ("\tCD", "CD", 4, 2),
        ("a\tCD", "CD", 4, 2),
        ("abcd\tCD", "CD", 8, 2),
        ("\t\tCD\tx", "CD", 8, 2),
        ("日本 CD", "CD", 5, 2),  # wide
        ("日本", "本", 2, 2),
        ("ＡCD", "CD", 2, 2),  # fullwidth
        ("e\u0301e\u0301 CD", "CD", 3, 2),  # combining
        ("\u1112\u1161\u11ab CD", "CD", 3, 2),  # decomposed Hangul: one wide syllable
        ("😀CD", "CD", 2, 2),
        ("\x1b[31mCD", "CD", 8, 2),  # shown as \x1b[31m
        ("\u202eCD", "CD", 6, 2),
        ("a\rCD", "CD", 3, 2),  # a carriage return inside a line
    ],
)
def test_the_marks_stand_under_the_place(text: str, marked: str, indent: int, length: int) -> None:
    _, marks = shown(text, marked)
    assert marks == " " * indent + "^" * length


@pytest.mark.parametrize("ending", ["\n", "\r\n", ""])
def test_line_ends_are_not_shown(ending: str) -> None:
    assert shown(f"first{ending or ' '}BAD{ending}", "BAD")[0].endswith("BAD")


def test_of_several_lines_the_first_is_marked() -> None:
    assert shown("a { b\r\nc }\r\n", "{ b\r\nc }") == ["a { b", "  ^^^"]


@pytest.mark.parametrize(("text", "marks"), [("abc", "   ^"), ("abc\n", "^"), ("", "^")])
def test_the_end_of_the_text_can_be_marked(text: str, marks: str) -> None:
    source = Source("a", text)
    lines = render(
        Findings([Diagnostic("GTS001", "ends", source, Span(len(text), len(text)))]), color=False
    ).splitlines()
    assert lines[4] == f"  | {marks}"


def test_the_end_of_a_line_can_be_marked() -> None:
    source = Source("a", "abc\r\ndef")
    lines = render(Findings([Diagnostic("GTS001", "ends", source, Span(3, 5))]), color=False).splitlines()
    assert lines[3:] == ["1 | abc", "  |    ^"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x" * 100_000, "y" * 100_000),
        ("", "y" * 100_000),
        ("x" * 100_000, ""),
        ("\u202e" * 50_000, "\x1b" * 50_000),
        ("\u0301" * 50_000, "\u0301" * 50_000),
        ("日" * 50_000, "本" * 50_000),
        ("\t" * 50_000, "\t" * 50_000),
    ],
)
def test_a_long_line_is_cut_around_the_place(before: str, after: str) -> None:
    line, marks = shown(f"{before}BAD{after}", "BAD")
    assert len(line) < 400
    assert "BAD" in line
    assert columns(line[: line.index("BAD")]) == len(marks) - len("^^^")
    assert line.startswith("…") == bool(before)
    assert line.endswith("…") == bool(after)


def test_a_long_place_is_marked_as_far_as_it_is_shown() -> None:
    line, marks = shown("x" * 100_000, "x" * 100_000)
    assert len(marks) == len(line) - len("…")


def test_a_line_that_fits_is_not_cut() -> None:
    text = "x" * 117 + "BAD"
    assert shown(text, "BAD") == [text, " " * 117 + "^^^"]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_reaches_the_terminal(text: str) -> None:
    assert_harmless(render(Findings([hostile(text)]), color=False))


@given(st.text(max_size=300), st.integers(0, 300), st.integers(0, 300))
@settings(max_examples=300)
def test_whatever_the_text_is_the_lines_stay_ours(text: str, start: int, length: int) -> None:
    start = min(start, len(text))
    span = Span(start, min(start + length, len(text)))
    assert_harmless(render(Findings([Diagnostic("GTS001", text, Source(text, text), span, (), text)]), color=False))


def assert_harmless(rendered: str) -> None:
    ours = re.compile(r"(error|warning)\[GTS\d+\]: |note: |help: | *--> | *\d* \|")
    lines = rendered.split("\n")
    assert lines.pop() == ""
    for line in lines:
        assert ours.match(line), line
        assert not [character for character in line if unicodedata.category(character)[0] == "C"], line
        assert len(line) <= 1100


def test_color_is_the_only_difference() -> None:
    colored = render(Findings([duplicate(), hostile("\x1b[31m")]), color=True)
    assert "\x1b[1;31merror[GTS020]\x1b[0m" in colored
    assert re.sub(r"\x1b\[[\d;]*m", "", colored) == render(Findings([duplicate(), hostile("\x1b[31m")]), color=False)


def test_what_is_too_much_is_counted() -> None:
    text = render(Findings(many(SHOWN + 1234)), color=False)
    assert text.count("error[GTS001]") == SHOWN
    assert text.endswith("\n\n… and 1,234 more findings\n")
    assert render(Findings(many(SHOWN + 1)), color=False).endswith("… and 1 more finding\n")
    assert "more" not in render(Findings(many(SHOWN)), color=False)
