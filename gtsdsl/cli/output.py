"""The output of commands: files that are written whole or not at all, and findings for people."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import click

from gtsdsl.cli.streams import discard_output
from gtsdsl.diagnostics import Findings
from gtsdsl.diagnostics.text import render
from gtsdsl.text import printable

_Command = TypeVar("_Command", bound=Callable[..., Any] | click.Command)


force_option = click.option("--force", is_flag=True, help="Overwrite an existing file.")
"""The decorator that gives a command the option ``--force``, as the argument ``force``."""


def output_option(metavar: str = "FILE") -> Callable[[_Command], _Command]:
    """Return a decorator that gives a command the option ``--output``, as the argument ``output``."""
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path),
        metavar=metavar,
        help="File to write; without it, standard output.",
    )


def write_output(path: Path | None, data: str | bytes, *, force: bool = True) -> None:
    """Write a file, or standard output if the path is None or ``-``; text is written as UTF-8.

    A file is replaced in one step: each reader sees the old content or the new, and an error leaves the old. A file
    keeps its permissions, a new file gets the user's usual ones, and a symbolic link stays a link. A device or a pipe
    (``/dev/stdout``) is written directly.

    Raises:
        click.ClickException: the file cannot be written, or it exists and ``force`` is false.
    """
    # a JSON input can contain a lone surrogate, such as \ud800, which UTF-8 has only as an escape
    content = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
    if path is None or str(path) == "-":
        write_stdout(content)
        return
    name = printable(str(path), limit=300)
    try:
        status = _status(path)
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise click.ClickException(f"{name} is a folder: give the name of a file")
        if status is not None and not force:
            raise click.ClickException(f"{name} exists: --force overwrites it")
        if status is None or stat.S_ISREG(status.st_mode):
            _replace(path.resolve(), content, status)
        else:
            path.write_bytes(content)
    except BrokenPipeError:
        raise  # `gtsdsl.cli.main` handles a pipe without a reader
    except OSError as error:
        raise click.ClickException(f"{name} cannot be written: {_reason(error)}") from None
    except ValueError as error:  # a path that no file system can hold, e.g. with a NUL in it
        raise click.ClickException(f"{name} cannot be written: {error}") from None
    except RuntimeError:  # Python 3.11 and 3.12 raise it for a loop of symbolic links
        raise click.ClickException(f"{name} cannot be written: it is a loop of symbolic links") from None


def check_output(path: Path | None, hint: str) -> None:
    """Refuse a file that cannot be written, before the work begins whose result goes there. Nothing is written.

    Raises:
        click.BadParameter: the file cannot be written; ``hint`` is the option that names it.
    """
    if path is None or str(path) == "-":
        return
    name = printable(str(path), limit=300)
    try:
        status = _status(path)
        folder = path.resolve().parent
    except (OSError, ValueError, RuntimeError) as error:
        reason = _reason(error) if isinstance(error, OSError) else str(error)
        raise click.BadParameter(f"{name} cannot be written: {reason}", param_hint=hint) from None
    wrong = None
    if status is not None and stat.S_ISDIR(status.st_mode):
        wrong = "it is a folder"
    elif status is not None and not os.access(path, os.W_OK):
        wrong = "it is write-protected"
    elif not folder.is_dir():
        wrong = f"the folder {printable(str(folder), limit=300)} is missing"
    # a regular file is replaced, which needs the right to write in its folder; a device or a pipe is not
    elif (status is None or stat.S_ISREG(status.st_mode)) and not os.access(folder, os.W_OK | os.X_OK):
        wrong = f"you may not write in {printable(str(folder), limit=300)}"
    if wrong is not None:
        raise click.BadParameter(f"{name} cannot be written: {wrong}", param_hint=hint)


def write_stdout(content: str | bytes) -> None:
    """Write to standard output: text for people in the terminal's encoding, or bytes as they are.

    Raises:
        click.ClickException: standard output cannot be written, such as on a full disk.
    """
    try:
        click.echo(content, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        discard_output()
        raise click.ClickException(f"standard output cannot be written: {_reason(error)}") from None


def print_diagnostics(diagnostics: Findings) -> None:
    """Print findings for people to standard error."""
    if diagnostics:
        click.echo(render(diagnostics, color=wants_color(sys.stderr)), err=True, nl=False)


def wants_color(stream: object) -> bool:
    """Return whether a stream is a terminal whose user accepts colors (https://no-color.org)."""
    is_terminal = bool(getattr(stream, "isatty", lambda: False)())
    return is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _replace(target: Path, content: bytes, status: os.stat_result | None) -> None:
    if status is not None and not os.access(target, os.W_OK):
        raise PermissionError(errno.EACCES, "it is write-protected")
    if not target.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, f"the folder {printable(str(target.parent), limit=300)} is missing")
    temporary = target.with_name(f".gtsdsl-{os.urandom(8).hex()}.tmp")
    with _signals_blocked():
        _write_and_rename(temporary, target, content, status)


def _write_and_rename(temporary: Path, target: Path, content: bytes, status: os.stat_result | None) -> None:
    # not `tempfile`, whose files are for the owner only: a new file gets the user's usual permissions
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if status is not None:
            temporary.chmod(stat.S_IMODE(status.st_mode))
        temporary.replace(target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Hold signals back: one that ends the process would leave a temporary file behind."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
