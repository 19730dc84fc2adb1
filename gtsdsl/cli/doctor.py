"""`gtsdsl doctor`: show what this machine can do, what it lacks, and the command that installs it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from gtsdsl.cli.errors import emulating
from gtsdsl.cli.help import format_option
from gtsdsl.cli.text_table import print_table, table_console

if TYPE_CHECKING:
    from emulator.doctor import Ability

_VERSION = 1


@click.command()
@format_option
def command(format_: str) -> None:
    """Show what this machine can do and what it lacks, with the commands that add what is missing.

    Exit status: 0 if a network can run on this machine, else 3.

    \b
    Example:
      gtsdsl doctor
      gtsdsl doctor --format json
    """
    from emulator.doctor import can_emulate, examine

    with emulating():
        abilities = examine()
    able = can_emulate(abilities)
    if format_ == "json":
        document = {"version": _VERSION, "can_emulate": able, "findings": [asdict(ability) for ability in abilities]}
        click.echo(json.dumps(document, indent=2))
    else:
        _print(abilities, able)
    sys.exit(0 if able else 3)


def _print(abilities: tuple[Ability, ...], able: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in ("", "what", "detail", "remedy"):
        table.add_column(heading)
    for ability in abilities:
        mark = Text("yes", style="green") if ability.works else Text("no", style="yellow")
        table.add_row(mark, Text(ability.name), Text(ability.detail), Text(ability.mend, style="bold"))
    console = table_console()
    print_table(console, table)
    console.print()
    console.print(Text("Networks run here." if able else "No network runs here yet: see the first three remedies."))
