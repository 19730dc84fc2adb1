"""Standard streams as a shell left them, closed or on a full disk, to streams that commands can simply write to."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD_ERROR = 2


class OutputError(OSError):
    """Standard output cannot be written, and it is no pipe whose reader has gone."""


class _Output(io.FileIO):
    """Standard output, whose errors are told apart from those of all other files."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None


def prepare() -> None:
    """Make standard output and standard error fit to be written to; standard input stays None if it is closed."""
    # a descriptor that is closed would become that of the next file that is opened, and our output would go there
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STANDARD_ERROR:
        pass
    os.close(descriptor)
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False))
    if sys.stderr is None:
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper):
        before = sys.stdout.buffer
        if isinstance(getattr(before, "raw", before), io.FileIO):  # not the console of Windows
            output = _Output(sys.stdout.fileno(), "w", closefd=False)
            sys.stdout = io.TextIOWrapper(
                output if isinstance(before, io.RawIOBase) else io.BufferedWriter(output),  # PYTHONUNBUFFERED
                sys.stdout.encoding,
                line_buffering=sys.stdout.line_buffering,
                write_through=sys.stdout.write_through,
            )
    # click lets UTF-8 through wherever the terminal takes it; elsewhere (LANG=C, a pipe on Windows) a message
    # must not die of the characters that it quotes
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def discard_output() -> None:
    """Let what is still to be written go nowhere: Python must not try again, and complain, when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
