"""The user's folders: where commands work, and where is kept what can be made again."""

from __future__ import annotations

import os
from pathlib import Path

from emulator.errors import EmulationError


def cache_folder() -> Path:
    """Where what can be made again is kept: ``gtsdsl`` in the user's cache folder (``XDG_CACHE_HOME``).

    Raises:
        EmulationError: the user has none.
    """
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "gtsdsl"
    except RuntimeError:
        raise EmulationError("you have no home folder: set XDG_CACHE_HOME to a folder that you may write") from None


def working_folder() -> Path:
    """The folder that commands work in; the root, if ours has been removed."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path("/")
