"""Tables as lines of text."""

from __future__ import annotations

from collections.abc import Container, Sequence


def text_table(headings: Sequence[str], rows: Sequence[Sequence[str]], figures: Container[str] = ()) -> list[str]:
    """Return the lines of a table; the columns whose headings are in ``figures`` are aligned to the right.

    The table of rich takes a millisecond for each row, and a plan has up to 100,000.
    """
    from rich.cells import cell_len

    lines = [headings, *rows]
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def cell(text: str, heading: str, width: int) -> str:
        space = " " * (width - cell_len(text))
        return space + text if heading in figures else text + space

    return ["  ".join(map(cell, line, headings, widths)).rstrip() for line in lines]
