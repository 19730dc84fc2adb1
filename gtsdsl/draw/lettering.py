"""Width of text, from the widths of Arimo's letters, which are those of Arial."""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from importlib.resources import files

FAMILY = "Arimo, Arial, 'Liberation Sans', Helvetica, sans-serif"
_UNKNOWN_WIDTH = 750  # for a letter that the font lacks; a wide one takes a full em


@cache
def _widths() -> dict[str, dict[str, int]]:
    tables: dict[str, dict[str, int]] = json.loads(
        files("gtsdsl.draw").joinpath("font", "widths.json").read_text("utf-8")
    )
    return tables


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text in the font size ``size``, in the same unit."""
    table = _widths()["bold" if bold else "regular"]
    return sum(table.get(letter) or _unknown(letter) for letter in text) * size / 1000


def _unknown(letter: str) -> int:
    return 1000 if unicodedata.east_asian_width(letter) in "WF" else _UNKNOWN_WIDTH


def fitted(text: str, size: float, width: float, *, bold: bool = False) -> str:
    """Return the text, or its start and end with an ellipsis between, no wider than ``width``."""
    if text_width(text, size, bold=bold) <= width:
        return text
    keep = min(len(text) - 1, 200)
    while keep > 1:
        head = (keep + 1) // 2
        cut = f"{text[:head]}…{text[len(text) - (keep - head) :]}"
        if text_width(cut, size, bold=bold) <= width:
            return cut
        keep -= 1
    return "…"
