"""Folders of runs: each run owns one, and `clean` removes those that killed runs left behind.

A lock (``flock``) on the folder says whether its run lives: the kernel releases the lock when the last process that
holds it dies, in whatever way. So `clean` never has to guess, and never touches a live run.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from emulator.system.closing import Closing
from emulator.system.errors import EmulationError
from emulator.system.folders import removing_all
from emulator.system.programs import environment
from emulator.system.signals import signals_held
from emulator.system.trust import require_own

PREFIX = "gtsdsl-"
"""The beginning of each name that a run gives to a file outside its own folder."""

MARK = "GTSDSL_RUN"
"""The environment variable that names the run's folder in each of its processes; `clean` finds survivors by it."""

PLACE_VARIABLE = "GTSDSL_RUNS"
"""The environment variable that names, in a guest, the folder for run folders, in place of the temporary folder."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - each run has its own folder in it
"""The folder whose files are in memory."""

_LOCK = "lock"


def runs_folder() -> Path:
    """Return the folder that holds this user's run folders; make it if it is missing.

    The folder is below the temporary folder and not in ``XDG_RUNTIME_DIR``, because that variable is set in a login's
    session but not under ``sudo``, ``cron`` or CI, and `clean` has to find each run. A guest has its own folder
    (`PLACE_VARIABLE`): there every user is root, who would see the folder of the machine's root.

    Raises:
        UntrustedError: other users may rename the folder.
        EmulationError: another user owns the folder, or may write in it.
    """
    given = Path(os.environ.get(PLACE_VARIABLE) or tempfile.gettempdir())
    place = require_own(given, "set TMPDIR to a folder of your own")
    folder = place / f"{PREFIX}{_user()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # every user may write in /tmp: another one may have made the folder, or a link with its name, before
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmulationError(f"{folder} is not a folder of this user alone; remove it, or set TMPDIR to another place")
    _open_to_owner(folder)
    return folder


def _user() -> int:
    """Return this user's number outside of any user namespace, in which every user is root."""
    user = os.getuid()
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= user < inside + count:
            return outside + user - inside
    return user


@contextlib.contextmanager
def _registry(folder: Path) -> Iterator[None]:
    """Hold the lock of all run folders while one is made or removed, so that each is seen with its own lock."""
    descriptor = _open_lock(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_lock(folder: Path) -> int:
    """Open a folder's lock file; make it if it is missing."""
    path = folder / _LOCK
    with contextlib.suppress(FileNotFoundError):
        _open_to_owner(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _open_to_owner(path: Path) -> None:
    """Give this user the rights to their own folder or file, which a run under a umask such as 777 left without."""
    found = path.lstat()
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    if found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode) and found.st_mode & wanted != wanted:
        path.chmod(stat.S_IMODE(found.st_mode) | wanted)


class RunFolder(Closing):
    """A run's folder, locked from entry to exit; a context manager that removes all that belongs to the run.

    ``path`` is the folder. ``lock`` is the descriptor that holds the lock. A helper process that inherits the
    descriptor keeps `clean` from removing the folder until the helper has ended too.
    """

    def __init__(self, kind: str) -> None:
        """Keep ``kind``, the first word of the folder's name, which tells a person what the folder is for."""
        self._kind = kind

    def __enter__(self) -> Self:
        root = runs_folder()
        is_made = False
        try:
            with _registry(root), signals_held():
                self.path = Path(tempfile.mkdtemp(prefix=f"{self._kind}-", dir=root))
                self.lock = _open_lock(self.path)
                fcntl.flock(self.lock, fcntl.LOCK_EX)
                is_made = True
        except BaseException:  # such as that of a signal, which was held until the folder was made
            if is_made:
                self.close()
            raise
        return self

    def close(self) -> None:
        """Remove the folder, then release its lock."""
        try:
            _remove(self.path)
        finally:
            os.close(self.lock)

    @property
    def memory_folders(self) -> tuple[Path, ...]:
        """The folders that may hold the memory of the run's guest, the best first; they are removed with the run."""
        return _memory_folders(self.path)


def _memory_folders(run: Path) -> tuple[Path, ...]:
    # the run's name decides, and not a file in the run's folder: no file's content may choose what is removed
    name = f"{PREFIX}{os.getuid()}-{run.name}"
    return tuple(place / name for place in (SHARED_MEMORY, run.parent.parent))


def remove_tree(path: Path) -> None:
    """Remove a folder and its content, which a guest may have written; follow no link in it.

    Raises:
        OSError: a part of it cannot be removed.
    """
    try:
        shutil.rmtree(path)  # it works by descriptors (`shutil.rmtree.avoids_symlink_attacks`)…
    except (RecursionError, OSError):  # …one for each level: a thousand levels are too many for it
        # a guest may have taken the owner's rights from folders, because root needs none; both programs follow no link
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-r", "-f"]):
            line, own = [*command, "--", str(path)], environment(os.environ)
            done = subprocess.run(line, env=own, capture_output=True, check=False)
        if done.returncode != 0:
            raise OSError(errno.EPERM, "something in it cannot be removed", str(path)) from None


def clean() -> Iterator[str]:
    """Remove what this user's dead runs left, and nothing of live ones; yield a line for each thing that was removed.

    Raises, after the rest has been removed:
        EmulationError: a part of a dead run could not be removed.
    """
    root = runs_folder()
    with _registry(root), removing_all() as removing:
        for path in sorted(root.iterdir()):
            if not path.is_symlink() and path.is_dir():
                with removing(path):
                    yield from _clean(path)


def _clean(path: Path) -> Iterator[str]:
    if (lock := _take(path)) is not None:
        try:
            yield from _remove(path)
        finally:
            os.close(lock)


def _take(path: Path) -> int | None:
    """Take the lock of a dead run and return its descriptor; return None if the run lives."""
    _open_to_owner(path)
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(path: Path) -> list[str]:
    """Kill the processes that a run left, and remove its guest's memory and its folder; return a line for each."""
    removed = [*_end_marked(path)]
    for folder in (*_memory_folders(path), path):
        if _is_own_folder(folder):
            remove_tree(folder)
            removed.append(f"folder {folder}")
    return removed


def _is_own_folder(path: Path) -> bool:
    """Return whether a path is this user's folder: in /dev/shm and /tmp, another user may have taken the name."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _end_marked(path: Path) -> Iterator[str]:
    """Kill the processes whose environment has a run's mark; yield a line for each."""
    mark = os.fsencode(f"{MARK}={path}")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            # another user's process cannot be read, and a process may end meanwhile
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
                    yield f"process {process.name}"
