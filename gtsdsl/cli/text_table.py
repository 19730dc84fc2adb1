"""Tables for people: as lines of text, and those of rich, in which no figure and no name is cut."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_PIPE_WIDTH = 1000  # no row is wrapped in a file or a pipe, which have no width
_SPACE = 2  # between two columns


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


def table_console(*, stderr: bool = False) -> Console:
    """Return a console for tables, and for texts that the terminal wraps, on standard output or standard error."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True, stderr=stderr)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    return console


def print_table(console: Console, table: Table) -> None:
    """Print a table of texts whole: on a terminal that is too narrow, its lines are longer.

    rich would cut words, and cells that do not wrap, with an ellipsis.
    """
    from rich.cells import cell_len

    least = -_SPACE
    for column in table.columns:
        texts = [str(cell) for cell in (column.header, *column.cells)]
        parts = texts if column.no_wrap else [word for text in texts for word in text.split()]
        column.min_width = max(map(cell_len, parts), default=0)
        least += column.min_width + _SPACE
    if least > console.width:
        table.width = least
    console.print(table)
