"""A guest's job and its results, as files in a folder that this machine and the guest share.

The guest is not trusted: a file that it leaves in the folder is read only if it is a regular file, is not reached
through a link, and is not too large.
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
from gtsdsl.machine import refusal

FOLDER_VARIABLE = "GTSDSL_SHARED"
"""The environment variable that names, in a guest, the folder that it shares with this machine."""

PARENT_VARIABLE = "GTSDSL_PARENT"
"""The environment variable that names the process with which a network ends; unset in a guest, which ends whole."""

RUNNING = "running"
"""The file in the shared folder in which the guest writes its present step, for the watchdog's message."""
RUNNING_BYTES = 2**16
"""The most bytes that are read of that file."""

_LINE_MAX = 200


@dataclass(frozen=True, slots=True)
class GuestJob:
    """A command for a guest, with its folder, environment and input files."""

    command: Sequence[str]
    directory: Path
    """The working folder: the guest sees this machine's folder, and its writes stay in the guest."""
    environment: Mapping[str, str]
    output: Path | None = None
    """The output folder, which the guest may write; its other writes vanish with it. None for no folder."""
    inputs: Mapping[str, bytes] = field(default_factory=dict)
    """Contents of files in the shared folder, by name."""
    window: tuple[int, int] | None = None
    """Rows and columns of the command's terminal; None for a command without one, whose output goes to files."""


def write_job(job: GuestJob, folder: Path, *, settle_s: float, modules: Path | None) -> None:
    """Write a job into an empty folder: its inputs, the files for its output, and the script that does the job."""
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
    # a script holds the arguments, because a path on the kernel's command line can have no blank
    script = python_script("emulator.kernel.init", "main", fields, is_bare=True)
    put_input(folder, "init", script.encode())
    (folder / "python").symlink_to(Path(sys.executable).resolve())


def init_arguments() -> tuple[str, ...]:
    """Return the arguments that let a guest kernel run the job in the working folder of the kernel's process.

    They are the end of the kernel's command line. The kernel mixes its command line into its random numbers, and the
    run's folder differs in each run, so the arguments name ``/proc/self/cwd`` and not that folder. It leads to the
    working folder, because the guest's root is this machine's.
    """
    return ("init=/proc/self/cwd/python", "--", "-I", "-S", "/proc/self/cwd/init")


def read_result(folder: Path, name: str, limit_bytes: int) -> bytes | None:
    """Return the content of a file that the guest left in the shared folder; None if it is missing.

    Raises:
        EmulationError: it is no regular file, or is larger than ``limit_bytes``.
        ValueError: ``name`` is a path, and not only a name.
    """
    if not name or "/" in name or name in {".", ".."}:
        raise ValueError(f"no name of a file: {name!r}")
    try:
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            # O_NONBLOCK: a pipe in place of the file must not block this process
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
    """Add a file to a shared folder in one step, so that a reader sees either no file or the whole file.

    Raises:
        EmulationError: the folder's file system is full, or the guest has put a file of its own in its place.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    temporary = folder / f"{name}.part"
    try:
        with os.fdopen(os.open(temporary, flags, 0o600), "wb") as file:
            file.write(content)
        temporary.replace(folder / name)
    except OSError as error:
        reason = refusal(OSError(error.errno, error.strerror, str(folder)))
        raise EmulationError(f"the guest's input {name} cannot be written: {reason}") from None


def short_line(text: str) -> str:
    """Return a text as one line for a terminal, cut to 200 characters."""
    line = one_line(text)
    return line if len(line) <= _LINE_MAX else line[: _LINE_MAX - 1] + "…"


def step_text(command: Sequence[str], said: bytes | None) -> str:
    """Return a guest's present step for a message: what the guest wrote into `RUNNING`, or else its command."""
    return short_line((said or b"").decode(errors="replace")) or short_line(" ".join(command))


def write_step(folder: Path, what: str) -> None:
    """Write the present step into a shared folder, for the progress line and the watchdog's message."""
    (folder / RUNNING).write_bytes(what.encode(errors="replace"))  # in UTF-8, whatever the locale is


def free_bytes(path: Path) -> int:
    """Return the free space of the file system of ``path``, in bytes."""
    return shutil.disk_usage(path).free
