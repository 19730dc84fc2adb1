"""Standard streams that commands can write to, even if the shell has closed them or the disk is full."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_STANDARD_ERROR = 2
LOST_READER = 141
"""The exit status of a program whose output's reader has ended: in a shell, that of one that SIGPIPE ends."""


class OutputError(OSError):
    """Standard output cannot be written, and it is not a pipe whose reader has ended."""


class _Output(io.FileIO):
    """Standard output. Its errors are `OutputError`, to tell them from those of other files."""

    has_lost_reader = False
    """Whether standard output is a pipe whose reader, such as `head`, has ended."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            _Output.has_lost_reader = True
            raise
        except OSError as error:
            raise OutputError(error.errno, error.strerror) from None


def prepare() -> None:
    """Prepare standard output and standard error for writing; standard input stays None if it is closed."""
    # the next opened file would get the number of a closed descriptor, and our output would go to that file
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
    # where the encoding is not UTF-8 (LANG=C, a pipe on Windows), a message must not fail because of a character
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def has_lost_reader() -> bool:
    """Return whether a write to standard output failed because the reader of the pipe has ended."""
    return _Output.has_lost_reader


def discard_output() -> None:
    """Discard the rest of standard output, which Python would try to write again, and complain of, at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
