"""Build of a tool from Debian's source package; the tool is kept in the user's cache folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from emulator.system import apt, builds
from emulator.system.builds import Progress, building, run_step
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from emulator.system.programs import installing
from emulator.tools import cache
from emulator.tools.cache import BuiltTool, built_tool
from emulator.tools.recipes import Recipe, SourceFile


def build(recipe: Recipe, source: Path | None, progress: Progress) -> BuiltTool:
    """Fetch the sources of a tool, build and keep it; return it.

    The sources come from the Debian mirror of this machine, or from the folder ``source``. A tool of the same sources
    that exists already is returned, and nothing is downloaded. netperf takes six seconds of processor time, and a
    download of 1 MB.

    Raises:
        EmulationError: a program is missing, the sources cannot be fetched or have another hash, or the build fails.
    """
    with building(cache.tools_folder(), recipe.name, "tool") as folder:
        if (kept := built_tool(recipe)) is not None:
            return kept
        if missing := builds.missing_tools(dict(recipe.needs)):
            raise EmulationError(f"to build {recipe.name}, {', '.join(missing)} is missing: {installing(missing)}")
        for count, file in enumerate(recipe.files):
            progress(f"fetching {file.name}", 0.1 * count)
            _fetch(recipe, file, folder, source)
        result = folder / "result"
        result.mkdir()
        with builds.plain_folder(folder, recipe.name) as work:
            tree = _unpack(recipe, folder, work)
            for count, step in enumerate(recipe.steps):
                progress(f"building: {step[0].removeprefix('./')}", 0.2 + 0.7 * count / len(recipe.steps))
                run_step(["nice", "-n", "5", *step], tree, f"{recipe.name} cannot be built", log=work / "log")
            for name in recipe.programs:
                shutil.copy(tree / name, result)
        progress("checking that it starts", 0.95)
        for path in result.iterdir():
            said = run_step([str(path), "-V"], folder, f"{path.name} does not start").strip()
            if said != recipe.answer:
                raise EmulationError(f"{path.name} {recipe.version} was built, and says {said[:80]!a}")
        cache.keep(recipe, result)
        final = cache.folder_of(recipe)
        shutil.rmtree(final, ignore_errors=True)  # a tool there is damaged, else it would have been found above
        result.rename(final)
    progress("done", 1)
    built = built_tool(recipe)
    if built is None:
        raise EmulationError(f"{final} was changed meanwhile: build again")
    return built


def _fetch(recipe: Recipe, file: SourceFile, folder: Path, source: Path | None) -> None:
    """Copy or download a file of the sources into a folder.

    Raises:
        EmulationError: the file cannot be had, or is another one than the recipe's.
    """
    target = folder / file.name
    if source is None:
        names = " and ".join(it.name for it in recipe.files)
        instead = f"fetch {names} elsewhere, and name their folder with --source FOLDER"
        apt.download(f"{recipe.pool}/{file.name}", file.sha256, target, instead)
    else:
        try:
            shutil.copyfile(source / file.name, target)
        except OSError as error:
            raise EmulationError(f"{source / file.name}: {error.strerror}") from None
    if (found := sha256_of(target)) != file.sha256:
        raise EmulationError(f"{file.name} is another file than Debian's: its SHA-256 is {found}, not {file.sha256}")


def _unpack(recipe: Recipe, folder: Path, work: Path) -> Path:
    """Unpack the sources with Debian's patches; return their folder in ``work``."""
    tree = work / "tree"
    tree.mkdir()
    for file, arguments in ((recipe.original, ["--strip-components=1"]), (recipe.changes, [])):
        command = ["tar", "--extract", "--file", str(folder / file.name), *arguments]
        run_step(command, tree, f"{file.name} cannot be unpacked")
    patches = tree / "debian" / "patches"
    for name in (patches / "series").read_text().split():
        command = ["patch", "--strip=1", "--forward", "--batch", f"--input={patches / name}"]
        run_step(command, tree, f"Debian's patch {name} cannot be applied")
    return tree
