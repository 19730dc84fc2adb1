"""Builds that are kept in the cache folder: a locked folder to build in, a build's programs, and removal."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from emulator.system.decode import decode
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from emulator.system.folders import make_folder, removing_all, require_own_cache, umask
from emulator.system.programs import environment, missing_programs
from emulator.system.run_folders import RunFolder
from emulator.system.text import one_line

_Facts = TypeVar("_Facts")

Progress = Callable[[str, float], None]
"""Called with the present step, in words, and the part of the build that is done, from 0 to 1."""

INFO = "info.json"
"""The file of a build's facts in its folder."""

HEADERS = "the C library's headers"
"""The name of the headers among the missing tools."""

_BUILDING = "building-"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)  # loaded here, because a fork must load nothing: another thread may have held a lock


@contextlib.contextmanager
def building(folder: Path, name: str, noun: str) -> Iterator[Path]:
    """Yield a folder to build in, locked against other builds and removed at the end; after a kill, `clean` removes it.

    ``folder`` holds the kept builds, ``name`` is the build's, and ``noun`` names what is built in the error.

    Raises:
        EmulationError: another process builds the same, the folder cannot be made, or its disk is full.
    """
    work = folder / f"{_BUILDING}{name}"
    try:
        make_folder(work)
        lock = os.open(work / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmulationError(f"{work}: {error.strerror}; set XDG_CACHE_HOME to a folder you may write") from None
    try:
        if not _locked(lock) or os.fstat(lock).st_nlink == 0:  # no link: the other build has just removed the folder
            raise EmulationError(f"another gtsdsl builds this {noun} right now: wait for it, then run this again")
        try:
            for path in work.iterdir():  # files that a killed build left
                if path.name != "lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            with umask(0o022):  # the user's own umask may take the user's rights, or give rights to others
                yield work
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise EmulationError(
                f"no room to build this {noun} in {work}: make room, or set XDG_CACHE_HOME to another folder"
            ) from None
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(lock)


def missing_tools(packages: Mapping[str, str]) -> dict[str, str]:
    """Return the programs that a build of C needs and that are missing, each with its Debian package, and `HEADERS`."""
    headers = {} if Path("/usr/include/stdio.h").exists() else {HEADERS: "libc6-dev"}
    return {**missing_programs(packages), **headers}


@contextlib.contextmanager
def plain_folder(folder: Path, noun: str) -> Iterator[Path]:
    """Yield a folder to compile in: ``folder``, or a new run folder if the path of ``folder`` has a blank or a colon.

    Makefiles, such as Linux's, cannot handle such a path. ``noun`` names what is compiled in the error.

    Raises:
        EmulationError: the run folder's path has a blank or a colon too.
    """
    if re.search(r"[\s:]", str(folder)) is None:
        yield folder
        return
    with RunFolder("build") as run:
        if re.search(r"[\s:]", str(run.path)) is not None:
            raise EmulationError(
                f"{noun} cannot be built in a folder with a blank or a colon in its path, such as {folder}: set TMPDIR "
                "to a folder without"
            )
        yield run.path


def kept_folders(folder: Path) -> list[Path]:
    """Return the folders of builds, whole ones and those of killed builds, in a folder that may be missing.

    Raises:
        EmulationError: the folder cannot be read.
    """
    try:
        return sorted(it for it in folder.iterdir() if it.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EmulationError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder you may write") from None


def read_kept(kind: type[_Facts], folder: Path, programs: Sequence[str]) -> tuple[_Facts, Mapping[str, str]] | None:
    """Return the facts about a build (`INFO`), and the hashes that its programs have now, by their names.

    None if the folder is missing or damaged.

    Raises:
        UntrustedError: another user could have written the folder.
    """
    for name in (INFO, *programs):
        require_own_cache(folder / name)
    try:
        facts = decode(kind, (folder / INFO).read_bytes(), str(folder / INFO))
        return facts, {name: sha256_of(folder / name) for name in programs}
    except (OSError, EmulationError):
        return None


def clean(folders: Sequence[Path]) -> Iterator[Path]:
    """Remove folders of builds, except those in which a build runs; yield each folder that was removed.

    Raises, after the rest has been removed:
        EmulationError: a folder cannot be removed.
    """
    with removing_all() as removing:
        for folder in folders:
            with removing(folder):
                if _remove(folder):
                    yield folder


def _remove(folder: Path) -> bool:
    """Remove a folder unless a build runs in it; return whether it was removed."""
    lock = None
    if folder.name.startswith(_BUILDING):
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        is_free = lock is None or _locked(lock)
        if is_free and folder.is_symlink():  # the user keeps the build elsewhere, where it stays
            folder.unlink()
        elif is_free:
            shutil.rmtree(folder)
        return is_free
    finally:
        if lock is not None:
            os.close(lock)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def running(
    command: Sequence[str], folder: Path, variables: Mapping[str, str], log: Path | None
) -> Iterator[subprocess.Popen[str]]:
    """Run a program of a build within the context, with its output in a pipe; kill it if the context ends early.

    ``variables`` are its environment. ``log`` is the file for its errors; None is another pipe. Its children, and the
    program itself if this process dies, are killed too.
    """
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("ab")) if log else subprocess.PIPE
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, which needs no lock
        )
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.wait()


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def run_step(command: Sequence[str], folder: Path, failed: str, log: Path | None = None) -> str:
    """Run a program of a build in a folder, with `bare_environment`, and return its output.

    ``failed`` begins the error. ``log`` is the file for its errors, of which the message has the first one.

    Raises:
        EmulationError: the program fails.
    """
    with running(command, folder, bare_environment(folder), log) as process:
        output, errors = process.communicate()
    if process.returncode != 0:
        said = error_in(log) if log else ((errors or "").strip().splitlines() or [f"{command[0]} says nothing"])[0]
        raise EmulationError(f"{failed}: {said}")
    return output


def bare_environment(folder: Path) -> dict[str, str]:
    """Return the environment for a build in a folder, without the user's flags and options, which would change it."""
    known = {"PATH", "HOME", "USER", "LOGNAME"}
    kept = {name: value for name, value in environment(os.environ).items() if name in known}
    # the compiler's temporary files are in the build's own folder, which `clean` removes after a kill
    return {**kept, "LC_ALL": "C", "TMPDIR": str(folder)}


def error_in(log: Path) -> str:
    """Return the first line of a log of make that names an error."""
    lines = log.read_text(errors="replace").splitlines()
    # leave out warnings and quoted lines of source, which the compiler shows after a number and a bar
    said = [line for line in lines if "warning:" not in line and not re.match(r"[\s\d]*\|", line)]
    first = next((line for line in said if re.search(r"error|Error|No space|cannot", line)), "make says nothing")
    return one_line(first)
