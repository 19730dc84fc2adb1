"""Agents that were built here, in the user's cache folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.agents.answers import sha256_of
from emulator.agents.model import AgentProgram
from emulator.agents.recipes import Recipe
from emulator.system import builds
from emulator.system.decode import encode
from emulator.system.folders import cache_folder


@dataclass(frozen=True, slots=True)
class BuiltAgent:
    """An agent that was built here. ``go`` is the version of Go that built it, ``size_bytes`` the program's size."""

    overlay: str
    program: AgentProgram
    go: str
    size_bytes: int


def agents_folder() -> Path:
    """Return the folder of built agents."""
    return cache_folder() / "agents"


def key(recipe: Recipe, go: str) -> str:
    """Return the name of the folder for an agent that a version of Go builds from the present sources."""
    return f"{_prefix(recipe)}{go}"


def keep(recipe: Recipe, go: str, folder: Path) -> None:
    """Write the facts about an agent into the folder that has its program, which makes it a folder of the cache."""
    path = folder / recipe.program
    program = AgentProgram(recipe.program, recipe.version, path.name, sha256_of(path), recipe.without)
    (folder / builds.INFO).write_bytes(encode(BuiltAgent(recipe.overlay, program, go, path.stat().st_size)))


def built_agent(recipe: Recipe) -> BuiltAgent | None:
    """Return the newest agent that was built of the present sources; None if it has not been built, or is damaged.

    Raises:
        UntrustedError: another user could have written the agent.
        EmulationError: the cache cannot be read.
    """
    newest: tuple[int, BuiltAgent] | None = None
    for folder in builds.kept_folders(agents_folder()):
        if folder.name.startswith(_prefix(recipe)):
            with contextlib.suppress(OSError):
                changed_ns = (folder / builds.INFO).stat().st_mtime_ns
                found = read(recipe, folder)
                if found is not None and (newest is None or changed_ns > newest[0]):
                    newest = changed_ns, found
    return None if newest is None else newest[1]


def read(recipe: Recipe, folder: Path) -> BuiltAgent | None:
    """Return the agent in a folder of the cache; None if the folder is missing or damaged.

    Raises:
        UntrustedError: another user could have written the agent.
    """
    kept = builds.read_kept(BuiltAgent, folder, [recipe.program])
    if kept is None or kept[0].program.sha256 != kept[1][recipe.program]:
        return None
    found, path = kept[0], folder / recipe.program
    program = AgentProgram(recipe.program, recipe.version, str(path), found.program.sha256, recipe.without)
    return BuiltAgent(recipe.overlay, program, found.go, path.stat().st_size)


def clean() -> Iterator[Path]:
    """Remove built agents, and the folders of killed builds; yield each folder that was removed.

    Raises, after the rest has been removed:
        EmulationError: the cache cannot be read, or a part of it cannot be removed.
    """
    yield from builds.clean(builds.kept_folders(agents_folder()))


def _prefix(recipe: Recipe) -> str:
    return f"{recipe.overlay}-{recipe.version}-{recipe.digest()}-"
