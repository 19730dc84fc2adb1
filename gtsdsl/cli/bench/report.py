"""The files of a benchmark's report, in the folder of its results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.bench.results import Results

_HEAD_BYTES = 4096
"""More bytes than the page has before its style."""


def write_report(results: Results, folder: Path, *, anew: bool) -> str:
    """Write the report of a benchmark into a folder; return the path of its page, as a message shows it.

    Without ``anew``, a page that was made from the same results stays.

    Raises:
        click.ClickException: a file cannot be written.
    """
    from emulator.bench.report.build import PAGE, files_of, report_of
    from gtsdsl.cli.output import write_output

    page = folder / PAGE
    report = report_of(results)
    if anew or f'"{report.made_from}"' not in _head(page):
        if sys.stderr.isatty():
            click.echo("drawing the report …", err=True)
        for name, content in files_of(report):
            path = folder / name
            _make_folder(path.parent)
            write_output(path, content)
    return printable(str(page), 300)


def _head(page: Path) -> str:
    try:
        with page.open("rb") as file:
            return file.read(_HEAD_BYTES).decode(errors="replace")
    except OSError:
        return ""


def _make_folder(path: Path) -> None:
    from emulator.system.folders import make_folder

    try:
        make_folder(path)
    except OSError as error:
        raise click.ClickException(f"{printable(str(path), 300)} cannot be made: {error.strerror}") from None
