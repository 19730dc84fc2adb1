"""The user's folders: where commands work, and where is kept what can be made again."""

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
    """Where what can be made again is kept: ``gtsdsl`` in the user's cache folder (``XDG_CACHE_HOME``).

    What is in it may be run, so nobody else may have put it there. A file in it goes through `require_own_cache` too.

    Raises:
        UntrustedError: somebody else can write there.
        EmulationError: the user has none, or ``HOME`` is a relative path.
    """
    return require_own_cache(_folder(_CACHE, ".cache"))


def state_folder() -> Path:
    """Where is kept what a person did: ``gtsdsl`` in the user's state folder (``XDG_STATE_HOME``).

    Raises:
        EmulationError: the user has none, or ``HOME`` is a relative path.
    """
    return _folder("XDG_STATE_HOME", ".local/state")


def _folder(variable: str, usual: str) -> Path:
    base = os.environ.get(variable, "")
    try:
        folder = Path(base) if base.startswith("/") else Path.home() / usual
    except RuntimeError:
        raise EmulationError(f"you have no home folder: set {variable} to a folder that you may write") from None
    if not folder.is_absolute():  # it would be a folder of the working folder, which may be a stranger's
        raise EmulationError(f"HOME is no absolute path: set it, or set {variable} to a folder of your own")
    return folder / "gtsdsl"


def require_own_cache(path: Path) -> Path:
    """Return a path in the cache folder, which only the user and root can have written.

    Raises:
        UntrustedError: somebody else can.
    """
    return require_own(path, _CACHE)


def make_folder(path: Path) -> None:
    """Make a folder, and those that are missing above it, for this user alone.

    Raises:
        OSError: it cannot be made.
    """
    if not path.is_dir():
        make_folder(path.parent)
        with contextlib.suppress(FileExistsError):  # another process does the same; or it is no folder, as will show
            path.mkdir(mode=0o700)


def usable_umask() -> contextlib.AbstractContextManager[None]:
    """Return a context in which the user's umask holds for others, and closes nothing to its owner."""
    own = os.umask(0)
    os.umask(own)
    return umask(own & 0o077)


@contextlib.contextmanager
def umask(mask: int) -> Iterator[None]:
    """Within it, this process and those that it starts have another umask."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def removing_all() -> Iterator[Callable[[Path], contextlib.AbstractContextManager[None]]]:
    """What is given is a context manager to remove something in: one that fails keeps no other from being removed.

    Raises, at the end:
        EmulationError: something could not be removed; the first of those, and why.
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
    """The folder that commands work in; the root, if ours has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
