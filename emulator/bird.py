"""BIRD on a host: its version, its command line, and the questions to its control socket."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.programs import printed_version

PROGRAM = "bird"
MISSING = "bird is missing: install bird2 (`apt-get install bird2`)"
CONFIG_FILE, SOCKET = "bird.cfg", "bird.ctl"
_SOCKET_BYTES = 107
"""The longest path of a Unix socket: `sun_path` of unix(7) without its final zero byte."""
_TIMEOUT_S = 5.0
_REPLY = re.compile(r"(\d{4})([ -])(.*)")


def version() -> str | None:
    """Return the version of the installed BIRD, such as ``2.0.12``; None if BIRD is missing or says none."""
    match = printed_version(PROGRAM, "--version", r"BIRD version (\S+)")
    return match[1] if match else None


def check_path(folder: Path) -> None:
    """Check that the control socket in a host's folder can have its path.

    Raises:
        EmulationError: the path is too long.
    """
    if len(bytes(folder / SOCKET)) > _SOCKET_BYTES:
        raise EmulationError(f"{folder} is too long a path for BIRD's socket: set TMPDIR to a shorter one")


def command(folder: Path, *flags: str) -> list[str]:
    """Return the command line of BIRD in the foreground, with its files in a host's folder."""
    files = ["-c", str(folder / CONFIG_FILE), "-s", str(folder / SOCKET), "-P", str(folder / "pid")]
    return [PROGRAM, *flags, "-f", *files]


def ask(folder: Path, question: str) -> tuple[str, ...]:
    """Send a command to the BIRD of a host's folder, as `birdc` does, and return the lines of its answer.

    Raises:
        OSError: no BIRD runs there, or it does not answer in time.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(_TIMEOUT_S)
        connection.connect(str(folder / SOCKET))
        with connection.makefile("r", encoding="utf-8", errors="replace") as answers:
            tuple(_answer(answers))  # the greeting
            connection.sendall(f"{question}\n".encode())
            return tuple(_answer(answers))


def _answer(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines of one answer. A line begins with a code and a dash, the last one with a code and a blank."""
    for line in lines:
        match = _REPLY.match(line)
        if match is None:
            yield line.rstrip()[1:]  # a blank stands for the code of the line before
            continue
        _, separator, text = match.groups()
        if text:
            yield text.rstrip()
        if separator == " ":
            return
    raise ConnectionError("BIRD closed its control socket")
