"""Tools that were built here, in the user's cache folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from emulator.system import builds
from emulator.system.decode import encode
from emulator.system.files import sha256_of
from emulator.system.folders import cache_folder
from emulator.tools.recipes import Recipe


@dataclass(frozen=True, slots=True)
class BuiltProgram:
    """A program of a built tool. ``path`` is absolute, and in the file of the cache only its name."""

    name: str
    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class BuiltTool:
    """A tool that was built here, with its programs, of which the first has the tool's name."""

    name: str
    version: str
    programs: tuple[BuiltProgram, ...]


def tools_folder() -> Path:
    """Return the folder of built tools."""
    return cache_folder() / "tools"


def folder_of(recipe: Recipe) -> Path:
    """Return the folder of a tool that is built from the present sources; it may be missing."""
    return tools_folder() / f"{recipe.name}-{recipe.version}-{recipe.digest()}"


def keep(recipe: Recipe, folder: Path) -> None:
    """Write the facts about a tool into the folder that has its programs, which makes it a folder of the cache."""
    programs = tuple(
        BuiltProgram(name, name, sha256_of(folder / name), (folder / name).stat().st_size) for name in _names(recipe)
    )
    (folder / builds.INFO).write_bytes(encode(BuiltTool(recipe.name, recipe.version, programs)))


def built_tool(recipe: Recipe) -> BuiltTool | None:
    """Return the tool that was built from the present sources; None if it has not been built, or is damaged.

    Raises:
        UntrustedError: another user could have written the tool.
        EmulationError: the user has no cache folder.
    """
    folder, names = folder_of(recipe), _names(recipe)
    kept = builds.read_kept(BuiltTool, folder, names)
    if kept is None or {it.name: it.sha256 for it in kept[0].programs} != kept[1]:
        return None
    programs = tuple(replace(it, path=str(folder / it.name)) for it in kept[0].programs)
    return BuiltTool(recipe.name, recipe.version, programs)


def clean() -> Iterator[Path]:
    """Remove built tools, and the folders of killed builds; yield each folder that was removed.

    Raises, after the rest has been removed:
        EmulationError: the cache cannot be read, or a part of it cannot be removed.
    """
    yield from builds.clean(builds.kept_folders(tools_folder()))


def _names(recipe: Recipe) -> list[str]:
    return [Path(path).name for path in recipe.programs]
