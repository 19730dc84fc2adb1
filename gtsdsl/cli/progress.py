"""The progress of a build on standard error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import click


@contextlib.contextmanager
def build_progress() -> Iterator[Callable[[str, float], None]]:
    """Yield a function that shows the steps of a build: as a bar on a terminal, elsewhere as a line for each."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    shown: set[str] = set()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)

        def progress(step: str, part: float) -> None:
            if not console.is_terminal and step not in shown:
                click.echo(step, err=True)
            shown.add(step)
            bar.update(task, description=step, completed=part)

        yield progress
