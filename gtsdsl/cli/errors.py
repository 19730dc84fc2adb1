"""What the commands that emulate have in common: errors as one line and an exit status, and ends in order."""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import click

from gtsdsl.text import printable

_Command = TypeVar("_Command", bound=Callable[..., object])
_LEAST_MEMORY_BYTES = 2**26
_LEAST_OUTPUT_BYTES = 2**20
_LONGEST = 2000


class _Seconds(click.FloatRange):
    """A span of time; what is no number (NaN) lies in no range, and would never come to an end."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        seconds = float(super().convert(value, param, ctx))
        if math.isnan(seconds):
            self.fail(f"{value} is no number of seconds.", param, ctx)
        return seconds


_GUEST_OPTIONS = (
    click.option("--memory", metavar="SIZE", help="Of a guest: 512M, 2G.  [default: 1G, more for some overlays]"),
    click.option("--timeout", type=_Seconds(min=0, min_open=True), metavar="SECONDS", help="End it after so long."),
    click.option(
        "--patience",
        type=_Seconds(min=0, min_open=True),
        metavar="SECONDS",
        default=60.0,
        show_default=True,
        help="End it when its virtual clock has not moved for so long.",
    ),
    click.option(
        "--output-limit",
        metavar="SIZE",
        help="End it when it has left so much on this machine, a file counting 64K at least.  [default: 8G]",
    ),
)


def guest_options(command: _Command) -> _Command:
    """The options about what a guest may take, and about when it is given up."""
    for option in reversed(_GUEST_OPTIONS):
        command = option(command)
    return command


def is_person() -> bool:
    """Whether somebody sits at a terminal, and both reads and types."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def parse_memory(text: str | None) -> int | None:
    """What ``--memory`` says, in bytes; None if nothing.

    Raises:
        click.BadParameter: it is no size, or too small for a guest.
    """
    return _size(text, "--memory", _LEAST_MEMORY_BYTES)


def parse_output_limit(text: str | None) -> int | None:
    """What ``--output-limit`` says, in bytes; None if nothing.

    Raises:
        click.BadParameter: it is no size, or less than what each guest leaves.
    """
    return _size(text, "--output-limit", _LEAST_OUTPUT_BYTES)


def _size(text: str | None, option: str, least: int) -> int | None:
    if text is None:
        return None
    size = parse_bytes(text, option)
    if size < least:
        raise click.BadParameter(f"a guest needs at least {least // 2**20}M, not {text}", param_hint=option)
    return size


def warn_if_unconfined() -> None:
    """Say that nothing keeps a guest from the user's files, if that is so."""
    from emulator.kernel.confine import landlock_version, unconfined

    if (version := landlock_version()) == 0:  # what older versions leave open is for `gtsdsl doctor` to say
        complain("warning", f"this kernel has no Landlock: {unconfined(version)}")


@contextlib.contextmanager
def emulating() -> Iterator[None]:
    """Within it, an `EmulationError` is one line on standard error and its exit status, and signals end in order."""
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


def complain(kind: str, message: str) -> None:
    """An ``error`` or a ``warning``, as a line on standard error; what a topology or a guest says moves no cursor."""
    click.secho(f"{kind}", err=True, nl=False, bold=True, fg="red" if kind == "error" else "yellow")
    click.echo(f": {printable(message, _LONGEST)}", err=True)


def parse_bytes(text: str, option: str) -> int:
    """A size with a unit, such as ``512M`` or ``2G`` (units of 1,024), in bytes.

    Raises:
        click.BadParameter: it is none.
    """
    units = {"K": 2**10, "M": 2**20, "G": 2**30}
    number, unit = text[:-1], text[-1:].upper()
    if unit not in units or not number.isdecimal() or len(number) > 6:
        raise click.BadParameter(f"{text!r} is no size; write it as 512M or 2G", param_hint=option)
    return int(number) * units[unit]
