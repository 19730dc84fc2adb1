"""A program's answers about itself: gtsdsl runs an agent only if it names its version and its options."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import time
from pathlib import Path

from emulator.agents.model import AgentProgram
from emulator.agents.recipes import Recipe
from emulator.system import files
from emulator.system.errors import OverlayError
from emulator.system.poll import readable
from emulator.system.programs import search_folders
from emulator.system.trust import require_own
from gtsdsl.text import printable

_PATIENCE_S = 20.0
_MOST_BYTES = 2**18
_SHOWN = 60
_VERSION = re.compile(r"v?(\d+\.\d+[0-9A-Za-z.+-]{0,40})")
_HIDDEN = tuple(map(Path, ("/dev", "/proc", "/run", "/sys")))
"""The folders of this machine that a guest does not show, because the guest has its own."""


def program_at(text: str, recipe: Recipe) -> AgentProgram:
    """Return the program at a path that the user names, after it has shown that it is a recipe's agent.

    The program is started twice, with ``--version`` and ``--help``.

    Raises:
        OverlayError: the file is missing, is no such agent, or is in a folder that a guest does not show.
        UntrustedError: another user could have changed the file.
    """
    noun = f"{printable(text, 200)} is no {recipe.program}"
    try:
        path = Path(text).resolve(strict=True)
        is_file = path.is_file()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        raise OverlayError(f"{noun}: {getattr(error, 'strerror', None) or 'a loop of links'}") from None
    if not is_file:
        raise OverlayError(f"{noun}: it is not a file")
    for folder in _HIDDEN:
        if path.is_relative_to(folder):
            raise OverlayError(f"{noun} that a host can run, because each host has its own {folder}: copy it elsewhere")
    require_own(Path(text), "copy the program to a folder of your own")
    return AgentProgram(recipe.program, version_of(path, recipe, noun), str(path), sha256_of(path))


def version_of(path: Path, recipe: Recipe, noun: str) -> str:
    """Return the version that an agent says it has.

    ``noun`` begins the error.

    Raises:
        OverlayError: the program cannot be run, names no version, or lacks options of the agent.
    """
    said = _answer(path, "--version", noun)
    match = _VERSION.fullmatch(said.strip())
    if match is None:
        raise OverlayError(f"{noun}: --version says {printable(' '.join(said.split()), _SHOWN) or 'nothing'}")
    words = set(re.findall(r"^\s*-?(-[a-z-]+)", _answer(path, "--help", noun), re.MULTILINE))
    if missing := [option for option in recipe.options if option not in words]:
        raise OverlayError(f"{noun}: it says that it is version {match[1]}, and has no option {missing[0]}")
    return match[1]


def sha256_of(path: Path) -> str:
    """Return the hash of a program's file.

    Raises:
        OverlayError: the file cannot be read.
    """
    try:
        return files.sha256_of(path)
    except OSError as error:
        raise OverlayError(f"{path} cannot be read: {error.strerror}") from None


def _answer(path: Path, option: str, noun: str) -> str:
    """Return what a program prints when it is started with an option; it gets no input and little environment.

    Raises:
        OverlayError: the program cannot be started, does not end, or prints too much.
    """
    variables = {"PATH": os.pathsep.join(search_folders(os.environ)), "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            [str(path), option],
            cwd="/",
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise OverlayError(f"{noun}: it cannot be run ({error.strerror})") from None
    with process:
        try:
            said = _read(process, f"{noun}: {shlex.quote(path.name)} {option}")
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    return said.decode(errors="replace")


def _read(process: subprocess.Popen[bytes], noun: str) -> bytes:
    if process.stdout is None:
        raise AssertionError("a pipe was asked for")
    descriptor, said, deadline_s = process.stdout.fileno(), b"", time.monotonic() + _PATIENCE_S
    while (left_s := deadline_s - time.monotonic()) > 0:
        if readable([descriptor], left_s):
            part = os.read(descriptor, 2**16)
            if not part:
                return said
            said += part
            if len(said) > _MOST_BYTES:
                raise OverlayError(f"{noun} does not stop printing")
    raise OverlayError(f"{noun} does not end")
