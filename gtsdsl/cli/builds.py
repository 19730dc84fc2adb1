"""Parts of the commands of builds (`kernel`, `agents`, `tools`): progress, a path, a program's facts, removal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import click

from gtsdsl.cli.errors import complain, emulating


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


def print_path(path: str | Path | None, otherwise: str) -> None:
    """Print the path of what was built. Without one, print the error ``otherwise`` and exit with status 3."""
    if path is None:
        complain("error", otherwise)
        sys.exit(3)
    click.echo(path)


def print_program(path: str, sha256: str, size_bytes: int) -> None:
    """Print the facts about a program that was built."""
    click.echo(f"  path     {path}")
    click.echo(f"  sha256   {sha256}")
    click.echo(f"  size     {size_bytes / 1e6:.1f} MB")


def print_removed(clean: Callable[[], Iterable[Path]]) -> None:
    """Remove builds, and print each folder that was removed."""
    with emulating():
        for folder in clean():
            click.echo(f"removed {folder}")
