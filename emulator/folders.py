"""The user's folders: where commands work, and where is kept what can be made again."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from emulator.errors import EmulationError
from emulator.trust import require_own

_CACHE = "XDG_CACHE_HOME"


def cache_folder() -> Path:
    """Where what can be made again is kept: ``gtsdsl`` in the user's cache folder (``XDG_CACHE_HOME``).

    What is in it may be run, so nobody else may have put it there. A file in it goes through `require_own_cache` too.

    Raises:
        UntrustedError: somebody else can write there.
        EmulationError: the user has none.
    """
    base = os.environ.get(_CACHE, "")
    try:
        return require_own_cache((Path(base) if base.startswith("/") else Path.home() / ".cache") / "gtsdsl")
    except RuntimeError:
        raise EmulationError("you have no home folder: set XDG_CACHE_HOME to a folder that you may write") from None


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


@contextlib.contextmanager
def usable_umask() -> Iterator[None]:
    """Within it, what is made is its owner's to read and write, whatever the user's umask is; for others that holds."""
    before = os.umask(0)
    os.umask(before & 0o077)
    try:
        yield
    finally:
        os.umask(before)


def working_folder() -> Path:
    """The folder that commands work in; the root, if ours has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
