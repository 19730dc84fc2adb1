"""Errors and warnings of commands: one line on standard error, and an exit status."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator

import click

from gtsdsl.cli.streams import LOST_READER, discard_output
from gtsdsl.text import did_you_mean, printable

_LONGEST = 2000
_NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())
"""The class of click's error that is the help of a group; click 8.1 shows the help itself."""


def complain(kind: str, message: str) -> None:
    """Print an ``error`` or a ``warning`` as one line on standard error, without control characters."""
    click.secho(f"{kind}", err=True, nl=False, bold=True, fg="red" if kind == "error" else "yellow")
    click.echo(f": {printable(message, _LONGEST)}", err=True)


def complain_of(error: click.ClickException) -> None:
    """Print an error of click as the other errors; after wrong usage, name the help of the command."""
    if isinstance(error, _NO_ARGUMENTS):
        error.show()
        return
    complain("error", _message(error))
    if isinstance(error, click.UsageError) and error.ctx is not None and not _is_about_a_value(error):
        click.echo(f"Try `{error.ctx.command_path} --help` for help.", err=True)


def _is_about_a_value(error: click.UsageError) -> bool:
    """Return whether the usage is right, and only the value of an option or argument is wrong."""
    return isinstance(error, click.BadParameter) and not isinstance(error, click.MissingParameter)


def _message(error: click.ClickException) -> str:
    """Return the message of an error of click in the form of our own: ``--option: what is wrong``."""
    match error:
        case click.NoSuchOption():
            known = [] if error.ctx is None else [name for it in error.ctx.command.params for name in it.opts]
            near = did_you_mean(error.option_name, known)
            return f"unknown option `{printable(error.option_name)}`{f'; {near}' if near else ''}"
        case click.MissingParameter():
            return f"missing {'option' if isinstance(error.param, click.Option) else 'argument'} {_name(error)}"
        case click.BadParameter() if error.param_hint:
            return f"{_name(error)}: {_plain(error.message)}"
        case click.BadParameter() if error.param:
            return f"{_name(error)}: {_with_backticks(_plain(error.message))}"
        case _:
            return _plain(error.format_message())


def _name(error: click.BadParameter) -> str:
    """Return the name of the option or argument that an error is about."""
    if isinstance(error.param_hint, str):
        return error.param_hint
    if error.param_hint:
        return " / ".join(error.param_hint)
    if isinstance(error.param, click.Option):
        return " / ".join(error.param.opts)
    return "" if error.param is None else error.param.human_readable_name


def _plain(message: str) -> str:
    """Return a message of click without its capital and its full stop."""
    message = message.removesuffix(".")
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _with_backticks(message: str) -> str:
    """Return a message of click with backticks around values, where click writes ``'value'``."""
    return re.sub(r"(?<!\w)'([^']*)'(?!\w)", r"`\1`", message)


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
    except BrokenPipeError:  # click would exit with 1
        discard_output()
        sys.exit(LOST_READER)
    except KeyboardInterrupt:
        sys.exit(130)
