"""Output of other programs on one line."""

from __future__ import annotations

import pytest

from emulator.system.text import one_line


@pytest.mark.parametrize(
    ("text", "line"),
    [("", ""), ("one\ntwo\n", "one two"), ("  a \t b  ", "a b"), ("\x1b[31mred\x1b[0m", "[31mred [0m"), ("é…", "é…")],
)
def test_line_ends_and_control_characters_become_one_blank(text: str, line: str) -> None:
    assert one_line(text) == line
