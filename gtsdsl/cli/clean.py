"""`gtsdsl clean`: remove what runs that were killed have left behind."""

from __future__ import annotations

import click

from gtsdsl.cli.errors import emulating


@click.command()
def command() -> None:
    """Remove what emulations that were killed have left behind, and nothing of those that run.

    \b
    Example:
      gtsdsl clean
    """
    from emulator.system.run_folders import clean

    with emulating():
        for line in clean():
            click.echo(f"removed {line}")
