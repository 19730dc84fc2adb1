"""The files of a benchmark's report, in the folder of its results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gtsdsl.text import printable

if TYPE_CHECKING:
    from emulator.bench.results import Results


def write_report(results: Results, folder: Path) -> str:
    """Write the report of a benchmark into a folder; return the path of its page, as a message shows it.

    Raises:
        click.ClickException: a file cannot be written.
    """
    from emulator.bench.report.build import PAGE, files_of, report_of
    from emulator.system.folders import make_folder
    from gtsdsl.cli.output import write_output

    for name, content in files_of(report_of(results)):
        path = folder / name
        try:
            make_folder(path.parent)
        except OSError as error:
            raise click.ClickException(f"{printable(str(path.parent), 300)} cannot be made: {error.strerror}") from None
        write_output(path, content)
    return printable(str(folder / PAGE), 300)
