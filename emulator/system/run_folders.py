"""Give each run a folder that only it owns, and remove what runs that were killed have left behind.

A run's folder says by a lock (``flock``) whether its owner lives: the kernel lets go of the lock when the last process
that holds it dies, however it dies. So `clean` never has to guess, and never touches a live run.
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
from types import TracebackType
from typing import Self

from emulator.system.errors import EmulationError
from emulator.system.folders import removing_all
from emulator.system.programs import environment
from emulator.system.trust import require_own

PREFIX = "gtsdsl-"
"""What the name of everything begins with that a run makes outside its own folder."""

MARK = "GTSDSL_RUN"
"""The environment variable of a run's processes that names its folder: by it they are found when all else has died."""

PLACE_VARIABLE = "GTSDSL_RUNS"
"""The environment variable that names, in a guest, where runs have their folders instead of the temporary folder."""

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - runs have folders of their own in there
"""Where files are in memory."""

_LOCK = "lock"


def runs_folder() -> Path:
    """The folder in which this user's runs have theirs, made if it is missing.

    It is below the temporary folder and not in ``XDG_RUNTIME_DIR``: that is set in a login's session, but not under
    ``sudo``, ``cron`` or CI, and `clean` has to find a run wherever it was started. In a guest it is not: there
    everybody is root, who sees the host's temporary folder, and in it a folder of the host's root.

    Raises:
        UntrustedError: others may rename it.
        EmulationError: somebody else owns the folder, or others may write in it.
    """
    place = require_own(Path(os.environ.get(PLACE_VARIABLE) or tempfile.gettempdir()), "TMPDIR")
    folder = place / f"{PREFIX}{_user()}"
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    # /tmp is everybody's: another user may have made the folder, or a link with its name, before us
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise EmulationError(f"{folder} is not a folder of this user alone; remove it, or set TMPDIR to another place")
    _open_to_owner(folder)
    return folder


def _user() -> int:
    """This user's number as the machine knows it: in a user namespace, everybody is root."""
    user = os.getuid()
    for line in Path("/proc/self/uid_map").read_text().splitlines():
        inside, outside, count = map(int, line.split())
        if inside <= user < inside + count:
            return outside + user - inside
    return user


@contextlib.contextmanager
def _registry(folder: Path) -> Iterator[None]:
    """Held while a run's folder is made or removed, so that none is seen between its creation and its lock."""
    descriptor = _open_lock(folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_lock(folder: Path) -> int:
    """Open a folder's lock, which is made if it is missing."""
    path = folder / _LOCK
    with contextlib.suppress(FileNotFoundError):
        _open_to_owner(path)
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


def _open_to_owner(path: Path) -> None:
    """Let this user into their own folder, or at their own file: a run under a umask such as 777 had closed it."""
    found = path.lstat()
    wanted = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
    if found.st_uid == os.getuid() and not stat.S_ISLNK(found.st_mode) and found.st_mode & wanted != wanted:
        path.chmod(stat.S_IMODE(found.st_mode) | wanted)


class RunFolder:
    """A run's folder, held by a lock from entry to exit; a context manager that removes all that belongs to it.

    ``path`` is the folder. ``lock`` is the descriptor that holds the lock: a helper process that inherits it keeps
    the run alive, in the eyes of `clean`, until it too has ended.
    """

    def __init__(self, kind: str) -> None:
        """``kind`` is a word for the folder's name, for a person who looks into it."""
        self._kind = kind

    def __enter__(self) -> Self:
        root = runs_folder()
        with _registry(root):
            self.path = Path(tempfile.mkdtemp(prefix=f"{self._kind}-", dir=root))
            self.lock = _open_lock(self.path)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            _remove(self.path)
        finally:
            os.close(self.lock)

    @property
    def memory_folders(self) -> tuple[Path, ...]:
        """Where a guest of the run may have a folder for its memory, which goes with the run; the best place first."""
        return _memory_folders(self.path)


def _memory_folders(run: Path) -> tuple[Path, ...]:
    # told by the run's name and not by a file of it: so nothing that is written there says what is removed
    name = f"{PREFIX}{os.getuid()}-{run.name}"
    return tuple(place / name for place in (SHARED_MEMORY, run.parent.parent))


def remove_tree(path: Path) -> None:
    """Remove a folder and all that is in it, which a guest may have filled; no link in it is followed.

    Raises:
        OSError: it cannot be removed.
    """
    try:
        shutil.rmtree(path)  # goes by descriptors (`shutil.rmtree.avoids_symlink_attacks`)…
    except (RecursionError, OSError):  # …one for each folder that it is in: a thousand deep is too deep for it
        # a guest may have closed folders to their owner, who is its root; both programs follow no link either
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-r", "-f"]):
            line, own = [*command, "--", str(path)], environment(os.environ)
            done = subprocess.run(line, env=own, capture_output=True, check=False)
        if done.returncode != 0:
            raise OSError(errno.EPERM, "something in it cannot be removed", str(path)) from None


def clean() -> Iterator[str]:
    """Remove what dead runs of this user have left, and nothing of live ones; a line for each thing, once it is gone.

    Raises, after all that can be removed has been:
        EmulationError: something of a dead run could not be removed.
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
    """The lock of a dead run; None if the run lives."""
    _open_to_owner(path)
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _remove(path: Path) -> list[str]:
    """End what a run has left running, and remove its guest's memory and its folder."""
    removed = [*_end_marked(path)]
    for folder in (*_memory_folders(path), path):
        if _is_own_folder(folder):
            remove_tree(folder)
            removed.append(f"folder {folder}")
    return removed


def _is_own_folder(path: Path) -> bool:
    """Whether it is a folder, and this user's: in /dev/shm and /tmp, others may have made what has its name."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def _end_marked(path: Path) -> Iterator[str]:
    """End the processes that carry a run's mark."""
    mark = os.fsencode(f"{MARK}={path}")
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            # another user's is not to be read, and one may end meanwhile
            with contextlib.suppress(OSError):
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    os.kill(int(process.name), signal.SIGKILL)
                    yield f"process {process.name}"
