"""Output of other programs, made fit for a message."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return a text on one line: one blank replaces blanks, line ends and characters that a terminal obeys."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
