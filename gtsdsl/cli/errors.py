"""Errors and warnings of commands: one line on standard error, and an exit status."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import click

from gtsdsl.text import printable

_LONGEST = 2000


def complain(kind: str, message: str) -> None:
    """Print an ``error`` or a ``warning`` as one line on standard error, without control characters."""
    click.secho(f"{kind}", err=True, nl=False, bold=True, fg="red" if kind == "error" else "yellow")
    click.echo(f": {printable(message, _LONGEST)}", err=True)


@contextlib.contextmanager
def emulating() -> Iterator[None]:
    """Turn an `EmulationError` into an error line and its exit status, and let signals end a run in order."""
    from emulator.system.errors import EmulationError
    from emulator.system.folders import usable_umask
    from emulator.system.signals import signals_as_exit

    try:
        with usable_umask(), signals_as_exit(interrupt=True):
            yield
    except EmulationError as error:
        complain("error", str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)
