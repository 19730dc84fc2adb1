"""The progress of a benchmark: a bar on a terminal, elsewhere a line for each cell that has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.bench.text import headline
from gtsdsl.cli.errors import complain
from gtsdsl.text import printable, quantity

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from emulator.bench.cells import Cell
    from emulator.bench.results import CellResult
    from emulator.bench.run import Progress

_MOST_SHOWN = 2
_LABEL = 80


class Shown:
    """Shows how far a benchmark is, and names each cell that failed."""

    def __init__(self, bar: Bar, total: int, *, is_terminal: bool) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)
        self._is_terminal = is_terminal
        self._last: Progress | None = None

    def show(self, progress: Progress) -> None:
        """Show the cells that run and the time left; without a terminal, only once how much is to do."""
        if self._last is None and not self._is_terminal:
            cells = f"{quantity(progress.total, 'cell')}, {progress.kept:,} of them kept"
            click.echo(f"{cells}: about {duration(progress.left_s)}", err=True)
        self._last = progress
        shown = "; ".join(printable(cell.label, _LABEL) for cell in progress.running[:_MOST_SHOWN])
        left = f"about {duration(progress.left_s)} left: {shown}" if progress.running else ""
        self._bar.update(self._task, description=left, completed=progress.ended)

    def end(self, cell: Cell, result: CellResult) -> None:
        """Say what came of a cell; a cell that was kept is not mentioned."""
        if result.error is not None:
            complain("error", f"{cell.label}: {result.error}")
        elif self._last is not None and not self._is_terminal:
            last = self._last
            left = f", about {duration(last.left_s)} left" if last.ended < last.total else ""
            figure = headline(result)
            click.echo(
                f"[{last.ended}/{last.total}] {printable(cell.label, _LABEL)}: {figure}{result.wall_s:.1f} s{left}",
                err=True,
            )


@contextmanager
def showing(total: int) -> Iterator[Shown]:
    """Yield what shows the progress of a benchmark of ``total`` cells."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield Shown(bar, total, is_terminal=console.is_terminal)


def duration(seconds: float) -> str:
    """Return a time in the largest unit that leaves one digit or two: ``45 s``, ``12 min``, ``3 h``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
