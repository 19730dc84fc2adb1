"""`gtsdsl clean`: remove what killed runs have left behind."""

from __future__ import annotations

import click

from gtsdsl.cli.errors import emulating


@click.command()
def command() -> None:
    """Remove what killed runs have left behind: folders, processes, mounts. Networks that run stay.

    \b
    Example:
      gtsdsl clean
    """
    from emulator.system.run_folders import clean

    with emulating():
        for line in clean():
            click.echo(f"removed {line}")
