"""A tool that is quickly built, and a cache without tools."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.system.builds import missing_tools
from emulator.tools.recipes import Recipe
from tests.emulator.tools.tiny import tiny_recipe


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of built tools in a new cache, which has none."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "gtsdsl" / "tools"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The folder of the source files of `recipe`."""
    return tmp_path / "source"


@pytest.fixture
def recipe(source: Path, tools: Path) -> Recipe:  # noqa: ARG001 - its build goes there
    """The recipe of a small tool, which is built in a second."""
    made = tiny_recipe(source)
    if missing := missing_tools(dict(made.needs)):
        pytest.skip(f"a tool cannot be built, because this is missing: {', '.join(missing)}")
    return made
