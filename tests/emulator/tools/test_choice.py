"""This machine's own tool is used if it is free, else the one that was built, else the non-free one."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.tools.build import build
from emulator.tools.choice import UsedTool, used_tool
from emulator.tools.recipes import Recipe, recipe_of
from tests.emulator.kernel.standins import put
from tests.emulator.tools.tiny import PROGRAM


def install(folder: Path, said: str) -> str:
    """Put a program with the tool's name into a folder; return its path."""
    folder.mkdir(exist_ok=True)
    return str(put(folder / PROGRAM, f"#!/bin/sh\necho '{said}'\n"))


def test_the_choice_of_a_tool(recipe: Recipe, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert used_tool(recipe) is None
    folder = tmp_path / "bin"
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    own = install(folder, "Tiny version 1.1.9")
    assert used_tool(recipe) == UsedTool((own,), "1.1.9 (non-free), this machine's")
    built = build(recipe, source, lambda _what, _part: None)
    assert used_tool(recipe) == UsedTool((built.programs[0].path,), "1.2.3, built by gtsdsl")
    install(folder, "Tiny version 1.10")
    assert used_tool(recipe) == UsedTool((own,), "1.10, this machine's")


@pytest.mark.parametrize("said", ["", "no version", "Tiny version x"])
def test_a_program_that_names_no_version_is_not_used(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    install(tmp_path / "bin", said)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    assert used_tool(recipe) is None


def test_an_unknown_tool_is_refused_with_the_nearest() -> None:
    with pytest.raises(Exception, match=r"no tool is called netprf; did you mean `netperf`\?"):
        recipe_of("netprf")
