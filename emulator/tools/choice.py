"""The choice between this machine's own program of a tool and the one that was built."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from emulator.system.programs import environment, find_program
from emulator.tools.cache import built_tool
from emulator.tools.recipes import Recipe

_PATIENCE_S = 20.0
_VERSION = re.compile(r"version (\d+(?:\.\d+){1,4})")


@dataclass(frozen=True, slots=True)
class UsedTool:
    """The tool that measures on this machine: the paths of its programs, in the recipe's order, and its version.

    ``version`` is a text for results: ``2.7.1, this machine's``.
    """

    paths: tuple[str, ...]
    version: str


def used_tool(recipe: Recipe) -> UsedTool | None:
    """Return the tool that measures on this machine; None if it is neither installed nor built.

    This machine's own is used if its licence is free. Otherwise, the one that was built is used, and if none was, this
    machine's non-free one.

    Raises:
        UntrustedError: another user could have written the built tool.
        EmulationError: the user has no cache folder.
    """
    own = _own(recipe)
    if own is not None and own[1] >= recipe.free_from:
        return UsedTool(own[0], f"{_dotted(own[1])}, this machine's")
    if (built := built_tool(recipe)) is not None:
        return UsedTool(tuple(it.path for it in built.programs), f"{built.version}, built by gtsdsl")
    return None if own is None else UsedTool(own[0], f"{_dotted(own[1])} (non-free), this machine's")


def _own(recipe: Recipe) -> tuple[tuple[str, ...], tuple[int, ...]] | None:
    """Return the paths and the version of this machine's own programs; None unless all are there and start."""
    paths = tuple(path for it in recipe.programs if (path := find_program(Path(it).name)) is not None)
    if len(paths) < len(recipe.programs):
        return None
    try:
        done = subprocess.run(
            [paths[0], "-V"],
            env=environment(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(done.stdout)
    return None if match is None else (paths, tuple(map(int, match[1].split("."))))


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
