"""Offsets, lines and columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gtsdsl.lsp.changes import TextChange
from gtsdsl.lsp.lines import EditorPosition, Encoding, Lines
from gtsdsl.source import Span

TEXTS = st.text(st.one_of(st.sampled_from("ab\r\n\u2028\x0b\x0c\x85é€😀𝒳"), st.characters()), max_size=40)
ENCODINGS: list[Encoding] = ["utf-8", "utf-16", "utf-32"]


@pytest.mark.parametrize(
    ("text", "offset", "encoding", "place"),
    [
        ("abc", 2, "utf-16", (0, 2)),
        ("a\nb", 2, "utf-16", (1, 0)),
        ("a\r\nb", 3, "utf-16", (1, 0)),
        ("a\rb", 2, "utf-16", (1, 0)),
        ("a\u2028b\x0cc\x85d", 6, "utf-16", (0, 6)),
        ("😀x", 1, "utf-16", (0, 2)),
        ("😀x", 1, "utf-8", (0, 4)),
        ("😀x", 1, "utf-32", (0, 1)),
        ("é€x", 2, "utf-16", (0, 2)),
        ("é€x", 2, "utf-8", (0, 5)),
        ("😀\n😀x", 3, "utf-16", (1, 2)),
        ("", 0, "utf-16", (0, 0)),
        ("\n", 1, "utf-16", (1, 0)),
    ],
)
def test_places(text: str, offset: int, encoding: Encoding, place: tuple[int, int]) -> None:
    lines = Lines(text, encoding)
    assert lines.place(offset) == place
    assert lines.offset(EditorPosition(*place)) == offset


@pytest.mark.parametrize(
    ("text", "place", "offset"),
    [
        ("ab\ncd", (0, 99), 2),
        ("ab\r\ncd", (0, 3), 2),
        ("ab\ncd", (9, 0), 5),
        ("ab", (-1, 0), 0),
        ("ab", (0, -5), 0),
        ("😀x", (0, 1), 0),
    ],
)
def test_places_that_are_none(text: str, place: tuple[int, int], offset: int) -> None:
    assert Lines(text).offset(EditorPosition(*place)) == offset


@given(TEXTS, st.sampled_from(ENCODINGS))
def test_there_and_back(text: str, encoding: Encoding) -> None:
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.offset(lines.place(offset)) == offset


@given(TEXTS.filter(lambda it: not any("\ud800" <= c <= "\udfff" for c in it)), st.sampled_from(ENCODINGS))
def test_columns_are_units(text: str, encoding: Encoding) -> None:
    text = text.replace("\n", "").replace("\r", "")
    codec, size = {"utf-8": ("utf-8", 1), "utf-16": ("utf-16-le", 2), "utf-32": ("utf-32-le", 4)}[encoding]
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        assert lines.place(offset) == (0, len(text[:offset].encode(codec)) // size)


def test_an_edit() -> None:
    assert Lines("a😀b\nc").edited(EditorPosition(0, 1), EditorPosition(1, 0), "-").text == "a-c"
    assert (
        Lines("abc").edited(EditorPosition(0, 2), EditorPosition(0, 1), "x").text == "abxc"
    )  # an end before the start
    assert Lines("a\u2028b\nc").edited(EditorPosition(1, 0), EditorPosition(1, 1), "x").text == "a\u2028b\nx"


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_change_maps_offsets_and_spans(before: str, old: str, new: str, behind: str) -> None:
    change = TextChange(before + old + behind, before + new + behind)
    one, other = before + old + behind, before + new + behind
    for offset in range(len(other) + 1):
        assert 0 <= change.old_offset(offset) <= len(one)
    for start in range(len(one)):
        moved = change.new_span(Span(start, start + 1))
        if moved is not None:
            assert other[moved.start : moved.end] == one[start]
    was, became = change.spans
    assert one[: was.start] + other[became.start : became.end] + one[was.end :] == other
