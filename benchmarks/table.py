"""The table of a benchmark: each figure with its goal."""

from __future__ import annotations

from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Row(NamedTuple):
    """A figure and its goal. ``is_met`` is None if the figure has no goal."""

    what: str
    figure: str
    goal: str
    is_met: bool | None


def show(title: str, rows: list[Row]) -> int:
    """Print a table and return how many goals were missed."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in ("what", "figure", "goal", ""):
        table.add_column(column)
    for row in rows:
        mark = "" if row.is_met is None else "[green]met[/]" if row.is_met else "[red]missed[/]"
        table.add_row(row.what, row.figure, row.goal, mark)
    Console(width=140).print(table)
    return sum(row.is_met is False for row in rows)
