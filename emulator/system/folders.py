"""The user's folders: the working folder, the cache folder and the state folder."""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.trust import require_own

_CACHE = "XDG_CACHE_HOME"


def cache_folder() -> Path:
    """Return ``gtsdsl`` in the user's cache folder (``XDG_CACHE_HOME``), for files that can be made again.

    Programs in this folder are run, so only the user and root may be able to write there. A caller passes each file
    of the folder through `require_own_cache` too.

    Raises:
        UntrustedError: somebody else can write there.
        EmulationError: the user has no home folder, or ``HOME`` is a relative path.
    """
    return require_own_cache(unchecked_cache_folder())


def unchecked_cache_folder() -> Path:
    """Return `cache_folder` for a guest, which sees other owners of files; who started the guest has checked it.

    Raises:
        EmulationError: as for `cache_folder`.
    """
    return _folder(_CACHE, ".cache")


def state_folder() -> Path:
    """Return ``gtsdsl`` in the user's state folder (``XDG_STATE_HOME``), for the history of the shell.

    Raises:
        EmulationError: the user has no home folder, or ``HOME`` is a relative path.
    """
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, usual: str) -> Path:
    base = os.environ.get(variable, "")
    try:
        folder = Path(base) if base.startswith("/") else Path.home() / usual
    except RuntimeError:
        raise EmulationError(f"you have no home folder: set {variable} to a folder that you may write") from None
    if not folder.is_absolute():  # a relative path would lead into the working folder, which may be a stranger's
        raise EmulationError(f"HOME is no absolute path: set it, or set {variable} to a folder of your own")
    return folder / "gtsdsl"


def require_own_cache(path: Path) -> Path:
    """Return a path of the cache folder unchanged, after a check that only the user and root can write there.

    Raises:
        UntrustedError: another user can.
    """
    return require_own(path, f"set {_CACHE} to a folder of your own")


def make_folder(path: Path) -> None:
    """Make a folder and its missing parents, for this user alone.

    Raises:
        OSError: the folder cannot be made.
    """
    if not path.is_dir():
        make_folder(path.parent)
        # another process may make the folder now; if the path is a file, the caller's first use of it fails
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)


def usable_umask() -> contextlib.AbstractContextManager[None]:
    """Return a context with the user's umask, but with all rights for the owner of a file."""
    own = os.umask(0)
    os.umask(own)
    return umask(own & 0o077)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    """Set the umask of this process, and of the processes that it starts, within the context."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def removing_all() -> Iterator[Callable[[Path], contextlib.AbstractContextManager[None]]]:
    """Yield a context manager in which to remove one path; a failure does not keep the next path from being removed.

    Raises, at the end:
        EmulationError: a path could not be removed; the message names the first one, and why.
    """
    failures = []

    @contextlib.contextmanager
    def removing(path: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            failures.append(
                f"{path} cannot be removed: {error.strerror}; remove it as root: rm -r {shlex.quote(str(path))}"
            )

    yield removing
    if failures:
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        raise EmulationError(f"{failures[0]}{more}")


def working_folder() -> Path:
    """Return the folder that commands work in, or ``/`` if this process's own folder was removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
