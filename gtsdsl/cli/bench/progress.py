"""The progress of a benchmark: on a terminal a bar with the cells that run now and the time left, elsewhere nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.bench.run import Progress

_MOST_SHOWN = 2


@contextmanager
def showing(total: int) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows how far a benchmark of ``total`` cells is."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}", markup=False))
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)

        def show(progress: Progress) -> None:
            shown = "; ".join(printable(cell.label, 60) for cell in progress.running[:_MOST_SHOWN])
            bar.update(task, description=shown, completed=progress.ended)

        yield show
