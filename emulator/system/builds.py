"""Builds that are kept in the cache folder: a locked folder to build in, a build's programs, and removal."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.folders import make_folder, removing_all, umask

Progress = Callable[[str, float], None]
"""Called with the present step, in words, and the part of the build that is done, from 0 to 1."""

_BUILDING = "building-"
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)  # loaded here, because a fork must load nothing: another thread may have held a lock


@contextlib.contextmanager
def building(folder: Path, name: str, noun: str) -> Iterator[Path]:
    """Yield a folder to build in, locked against other builds and removed at the end; after a kill, `clean` removes it.

    ``folder`` holds the kept builds, ``name`` is the build's, and ``noun`` names what is built in the error.

    Raises:
        EmulationError: another process builds the same, or the folder cannot be made.
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
        finally:
            shutil.rmtree(work, ignore_errors=True)
    finally:
        os.close(lock)


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
