"""What other programs say to words for a message."""

from __future__ import annotations


def one_line(text: str) -> str:
    """A text on one line, with a blank for what a terminal would obey, and for several blanks."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
