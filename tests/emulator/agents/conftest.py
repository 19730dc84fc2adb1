"""An agent that is quickly built, and a cache without agents."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from emulator.agents.build import go_version, lacks
from emulator.agents.recipes import Recipe
from emulator.system.errors import EmulationError
from tests.emulator.agents.tiny import tiny_recipe


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of built agents in a new cache, which has none; Go keeps its own cache."""
    if lacks(tiny_recipe(tmp_path)) == []:
        caches = subprocess.run(["go", "env", "GOCACHE", "GOMODCACHE"], capture_output=True, text=True, check=True)
        for name, value in zip(("GOCACHE", "GOMODCACHE"), caches.stdout.splitlines(), strict=True):
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl" / "agents"


@pytest.fixture
def tiny(tmp_path: Path, agents: Path) -> Recipe:  # noqa: ARG001 - its build goes there
    """The recipe of a small agent, which is built in a second."""
    recipe = tiny_recipe(tmp_path)
    if missing := lacks(recipe):
        pytest.skip(f"an agent cannot be built, because this is missing: {'; '.join(missing)}")
    try:
        go_version(recipe, recipe.sources)
    except EmulationError as error:  # Go is too old, as Debian 12's
        pytest.skip(str(error))
    return recipe
