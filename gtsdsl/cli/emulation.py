"""What the commands that emulate have in common: errors as one line and an exit status, and ends in order."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Iterator

import click


@contextlib.contextmanager
def loading() -> Iterator[None]:
    """For the imports before `emulating`: within it, Ctrl-C ends the process at once, for there is nothing to undo.

    Python loses an exception that a signal's handler raises in the bookkeeping of an import, and would run on.
    """
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def emulating() -> Iterator[None]:
    """Within it, what the machine lacks is one line on standard error and its exit status, and signals end in order."""
    with loading():
        from emulator.errors import EmulationError  # noqa: PLC0415
        from emulator.signals import signals_as_exit  # noqa: PLC0415

    try:
        with signals_as_exit():
            yield
    except EmulationError as error:
        complain("error", str(error))
        sys.exit(error.exit_status)
    except KeyboardInterrupt:
        sys.exit(130)


def complain(kind: str, message: str) -> None:
    """An ``error`` or a ``warning``, as a line on standard error."""
    click.secho(f"{kind}", err=True, nl=False, bold=True, fg="red" if kind == "error" else "yellow")
    click.echo(f": {message}", err=True)


def parse_bytes(text: str) -> int:
    """A size with a unit, such as ``512M`` or ``2G`` (units of 1,024), in bytes.

    Raises:
        click.BadParameter: it is none.
    """
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = text[:-1], text[-1:].upper()
    if unit not in units or not number.isdecimal() or len(number) > 6:
        raise click.BadParameter(f"{text!r} is no size; write it as 512M or 2G")
    return int(number) * units[unit]
