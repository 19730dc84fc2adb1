"""A built agent counts only if it is whole and nobody else can have changed it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.agents import cache
from emulator.agents.cache import agents_folder, built_agent, key
from emulator.agents.recipes import RECIPES, Recipe
from emulator.system import builds
from emulator.system.errors import UntrustedError
from emulator.system.folders import umask

RECIPE = RECIPES["flannel"]


def keep(recipe: Recipe, go: str = "go1.26.8") -> Path:
    folder = agents_folder() / key(recipe, go)
    with umask(0o022):  # as a build has; with the user's own, others could perhaps write
        folder.mkdir(parents=True, mode=0o700)
        (folder / recipe.program).write_bytes(b"a program")
        cache.keep(recipe, go, folder)
    return folder


def test_the_newest_build_is_used(agents: Path) -> None:
    assert built_agent(RECIPE) is None
    newer, older = keep(RECIPE, "go1.26.0"), keep(RECIPE, "go1.26.8")
    # a file system may give the same time to two files that are written one after the other
    for folder, written_s in ((older, 1_700_000_000), (newer, 1_700_000_001)):
        os.utime(folder / builds.INFO, (written_s, written_s))
    found = built_agent(RECIPE)
    assert found is not None
    assert found.go == "go1.26.0"
    assert found.program.path == str(newer / "flanneld")
    assert found.program.title.startswith("flanneld 0.28.10, without tencent-vpc (sha256 ")
    assert agents in newer.parents


@pytest.mark.usefixtures("agents")
def test_a_damaged_agent_is_not_used() -> None:
    folder = keep(RECIPE)
    (folder / "flanneld").write_bytes(b"half a progr")
    assert built_agent(RECIPE) is None
    for damage in ("", "{", "{}", "[]"):
        (folder / "info.json").write_text(damage)
        assert built_agent(RECIPE) is None


@pytest.mark.usefixtures("agents")
def test_an_agent_that_others_may_write_is_refused() -> None:
    folder = keep(RECIPE)
    (folder / "flanneld").chmod(0o777)
    with pytest.raises(UntrustedError, match="flanneld may be written by others"):
        built_agent(RECIPE)


@pytest.mark.usefixtures("agents")
def test_clean_removes_old_agents_and_what_killed_builds_left() -> None:
    whole = keep(RECIPE)
    left = agents_folder() / "building-flannel"
    left.mkdir()
    assert set(cache.clean()) == {whole, left}
    assert list(agents_folder().iterdir()) == []


def test_the_sources_pin_each_module_by_its_hash() -> None:
    files = {str(path.relative_to(RECIPE.sources)) for path in RECIPE.files()}
    assert files == {"go.mod", "go.sum", "novpc/go.mod", "novpc/v20170312/vpc.go"}
    pins = (RECIPE.sources / "go.sum").read_text()
    assert f"{RECIPE.package} v{RECIPE.version} h1:" in pins
    assert f"{RECIPE.package} v{RECIPE.version} // indirect" in (RECIPE.sources / "go.mod").read_text()
