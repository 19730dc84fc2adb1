"""What the host and a guest tell each other: a job as files in a folder that both can write, and its results back.

The guest is not trusted with the host's files: what it leaves in the folder is read only if it is a regular file, is
not reached through a link, and is not too large.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from emulator.kernel.tuning import SYSCTLS, limits
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, python_script
from emulator.system.text import one_line

FOLDER_VARIABLE = "GTSDSL_SHARED"
"""Names, in the guest's environment, the folder that it shares with the host: what is written there outlives it."""

PARENT_VARIABLE = "GTSDSL_PARENT"
"""Names the process with which the network ends; not set in a guest, which ends as a whole."""

RUNNING = "running"
"""The file in the shared folder in which a program in the guest may say what it does, for the watchdog's message."""
RUNNING_BYTES = 2**16
"""What is read of that file, at most."""

_WORDS_MAX = 200


@dataclass(frozen=True, slots=True)
class GuestJob:
    """A command for a guest, and where it runs."""

    command: Sequence[str]
    directory: Path
    """Its working folder, which the guest sees as the host has it, but for what is written."""
    environment: Mapping[str, str]
    output: Path | None = None
    """A folder that the guest may write, under its own path; all else that it writes goes with it."""
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    """Files to find in the shared folder, by name."""
    window: tuple[int, int] | None = None
    """Rows and columns of the terminal that the command gets; without it, its output goes to files."""


def write_job(job: GuestJob, folder: Path, *, settle_s: float, modules: Path | None) -> None:
    """Lay a job down in an empty folder: its inputs, the files for its output, and the script that does it."""
    (folder / "scratch").mkdir(mode=0o700)
    for name, content in {"stdout": b"", "stderr": b"", "status": b"", **job.inputs}.items():
        put_input(folder, name, content)
    fields = {
        "folder": str(folder),
        "command": list(job.command),
        "directory": str(job.directory),
        "environment": {**environment(job.environment), FOLDER_VARIABLE: str(folder)},
        "shared": [str(folder), *([str(job.output)] if job.output else [])],
        "settle_s": settle_s,
        "sysctls": dict(SYSCTLS),
        "limits": dict(limits()),
        "window": list(job.window) if job.window else [],
        "modules": str(modules) if modules else "",
    }
    # the kernel's command line can hold no path with a blank in it, so everything goes into a script
    script = python_script("emulator.kernel.init", "main", fields, is_bare=True)
    put_input(folder, "init", script.encode())
    (folder / "python").symlink_to(Path(sys.executable).resolve())


def init_arguments() -> tuple[str, ...]:
    """The end of a kernel's command line that makes it do the job in the folder that its process works in.

    The command line goes into the kernel's random numbers, so it must not name a run's folder, which is another each
    time. The guest's root is the host's, and in the host's ``/proc`` a process sees where it works itself.
    """
    return ("init=/proc/self/cwd/python", "--", "-I", "-S", "/proc/self/cwd/init")


def read_result(folder: Path, name: str, limit_bytes: int) -> bytes | None:
    """A file that the guest left in the shared folder; None if there is none.

    Raises:
        EmulationError: it is no regular file, or larger than ``limit_bytes``.
        ValueError: ``name`` is more than a name.
    """
    if not name or "/" in name or name in {".", ".."}:
        raise ValueError(f"no name of a file: {name!r}")
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            # O_NONBLOCK: a pipe in its place must not keep us waiting
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(name, flags, dir_fd=directory)
        finally:
            os.close(directory)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise EmulationError(f"the guest's result {name} cannot be read: {error.strerror}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size > limit_bytes:
        os.close(descriptor)
        what = f"has {found.st_size} bytes; at most {limit_bytes} are read"
        raise EmulationError(
            f"the guest's result {name} {what if stat.S_ISREG(found.st_mode) else 'is no regular file'}"
        )
    with os.fdopen(descriptor, "rb") as file:
        return file.read(limit_bytes)


def put_input(folder: Path, name: str, content: bytes) -> None:
    """Add a file to a shared folder, of which whoever waits for it sees nothing or all.

    Raises:
        EmulationError: the guest has put something in its place.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    temporary = folder / f"{name}.part"
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(content)
        temporary.replace(folder / name)
    except OSError as error:
        raise EmulationError(f"the guest's input {name} cannot be written: {error.strerror}") from None


def words(command: Sequence[str], said: bytes | None) -> str:
    """What a guest was doing, for a message: what it said itself, else its command; short, and fit for a terminal."""
    text = one_line((said or b"").decode(errors="replace")) or one_line(" ".join(command))
    return text if len(text) <= _WORDS_MAX else text[: _WORDS_MAX - 1] + "…"


def say_running(folder: Path, what: str) -> None:
    """Say in a shared folder what is being done now, for whoever waits, and for the watchdog's message."""
    (folder / RUNNING).write_bytes(what.encode(errors="replace"))  # a locale without UTF-8 has no say in it


def free_bytes(path: Path) -> int:
    """The space that is free where ``path`` is."""
    return shutil.disk_usage(path).free
