"""A path to the text of its file, or to a finding that says why the file cannot be read."""

from __future__ import annotations

import codecs
import os
import stat
import sys
from itertools import islice
from pathlib import Path

from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.source import Source, Span
from gtsdsl.text import did_you_mean, printable

MAX_BYTES = 16 * 2**20
"""The most bytes of an input. A full mesh of 400 hosts, written without loops, has 13 MB."""
_read_before: object = None
"""The standard input that `read_source` has read; a terminal may have more after that, a file or a pipe has not."""


def read_source(path: str | os.PathLike[str]) -> Source:
    """Return the text of a file (``-``: standard input).

    Raises:
        GtsError: the file cannot be read, is not UTF-8 text, or has more than `MAX_BYTES`.
    """
    if os.fspath(path) == "-":
        name = "<stdin>"
        data = _read_stdin(name)
    else:
        name = os.fspath(path)
        data = _read_file(name)
    if len(data) > MAX_BYTES:
        raise _unreadable("GTS005", f"the input has more than {MAX_BYTES // 2**20} MiB", name)
    return Source(name, _decode(data, name))


def below(folder: Path, written: str) -> Path:
    """Return the path of a file that a stranger's file in ``folder`` names; it is in the folder or below it.

    Raises:
        ValueError: the name leads out of the folder, through ``..`` or a link, or is no name of a file.
    """
    try:
        root = folder.resolve()
        is_below = bool(written) and (root / written).resolve().is_relative_to(root)
    except (OSError, ValueError, RuntimeError):  # a name that no file system has, or a loop of links
        is_below = False
    if not is_below:
        raise ValueError(f"`{printable(written, 200)}` is not below the folder of this file")
    return folder / written


def _read_stdin(name: str) -> bytes:
    if sys.stdin is None:
        raise _unreadable("GTS002", "standard input is closed", name)
    global _read_before  # noqa: PLW0603 - standard input is one for the whole process
    try:
        data = sys.stdin.buffer.read(MAX_BYTES + 1)
    except OSError as error:
        raise _unreadable("GTS002", f"standard input cannot be read: {error.strerror}", name) from None
    if not data and sys.stdin is _read_before:
        raise _unreadable("GTS002", "standard input is read already", name, "give `-` for one file only")
    _read_before = sys.stdin
    return data


def _read_file(name: str) -> bytes:
    if not name:  # `Path("")` is the current folder
        raise _unreadable("GTS002", "the name of the file is empty", name)
    try:
        # never open a device, which can be endless, or a pipe, which can wait for ever
        _refuse_special(Path(name).stat().st_mode, name)
        # another program may have replaced the file by one since: open without waiting, and check again before reading
        with open(name, "rb", opener=_open_at_once) as file:
            _refuse_special(os.fstat(file.fileno()).st_mode, name)
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        if Path(name).is_symlink():
            target = printable(str(Path(name).readlink()), limit=300)
            raise _unreadable("GTS002", f"a symbolic link to `{target}`, which does not exist", name) from None
        raise _unreadable("GTS002", "no such file", name, _near_file(name)) from None
    except PermissionError:
        raise _unreadable("GTS002", "no permission to read this file", name) from None
    except OSError as error:
        raise _unreadable("GTS002", f"cannot be read: {error.strerror or error}", name) from None
    except ValueError as error:  # a name that no file system allows, e.g. with a NUL
        raise _unreadable("GTS002", f"not a name of a file: {error}", name) from None


def _open_at_once(name: str, flags: int) -> int:
    return os.open(name, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _refuse_special(mode: int, name: str) -> None:
    if stat.S_ISDIR(mode):
        raise _unreadable("GTS002", "a folder, not a file", name)
    if not stat.S_ISREG(mode):
        hint = "a pipe's text is read from standard input: give `-` as the file"
        raise _unreadable("GTS002", "not a regular file", name, hint if stat.S_ISFIFO(mode) else None)


def _near_file(name: str) -> str | None:
    folder, base = os.path.split(name)
    try:
        with os.scandir(folder or ".") as entries:
            return did_you_mean(base, (entry.name for entry in islice(entries, 1000) if entry.is_file()))
    except OSError:
        return None


def _decode(data: bytes, name: str) -> str:
    if encoding := _wide_encoding(data):
        raise _unreadable("GTS003", f"the text is {encoding}", name, "save it as UTF-8")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"byte 0x{data[error.start]:02X} is not UTF-8"
        raise _not_text(data, error.start, message, name) from None
    if "\0" in text:
        raise _not_text(data, data.index(0), "a NUL byte: this is not text", name)
    return text.removeprefix("\ufeff")


def _wide_encoding(data: bytes) -> str | None:
    """Return the name of a wide encoding, known by its byte-order mark or by zero bytes in turn; None for others."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "UTF-32"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    head = data[:64]
    if len(head) >= 4 and (
        (not any(head[::2]) and all(head[1::2])) or (all(head[::2]) and not any(head[1::2]))
    ):  # no byte-order mark
        return "UTF-16"
    return None


def _not_text(data: bytes, offset: int, message: str, name: str) -> GtsError:
    before = data[:offset].decode("utf-8").removeprefix("\ufeff")
    # to show the text around the place, replace each bad byte
    after = data[offset:].decode("utf-8", "replace").replace("\0", "\ufffd")
    place = Span(len(before), len(before) + 1)
    return GtsError([Diagnostic("GTS003", message, Source(name, before + after), place)])


def _unreadable(code: str, message: str, name: str, hint: str | None = None) -> GtsError:
    return GtsError([Diagnostic(code, message, Source(name, ""), hint=hint)])
