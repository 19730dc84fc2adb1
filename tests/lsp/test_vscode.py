"""The VS Code extension: its own tests, which run its grammar and its client as the editor does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gtsdsl.lsp.meanings import KEYWORDS
from gtsdsl.model.classes import CLASSES

EXTENSION = Path(__file__).parents[2] / "editors" / "vscode"
HOW = "`npm ci --prefix editors/vscode --ignore-scripts` installs what this needs"


def test_the_example_of_a_scenario_names_its_schema() -> None:
    storm = EXTENSION.parents[1] / "examples" / "storm.toml"
    first = storm.read_text(encoding="utf-8").partition("\n")[0]
    assert first.startswith("#:schema ")
    schema = json.loads((storm.parent / first.removeprefix("#:schema ")).read_text(encoding="utf-8"))
    assert schema["title"] == "A scenario, version 1"


def test_its_own_tests_pass() -> None:
    if not shutil.which("node") or not (EXTENSION / "node_modules").is_dir():
        assert not os.environ.get("CI"), HOW
        pytest.skip(HOW)
    result = subprocess.run(["npm", "test"], cwd=EXTENSION, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_client_is_javascript() -> None:
    if not shutil.which("node"):
        assert not os.environ.get("CI"), HOW
        pytest.skip("there is no node here")
    subprocess.run(["node", "--check", "extension.js"], cwd=EXTENSION, check=True)


def test_the_server_is_started_by_our_command() -> None:
    manifest = json.loads((EXTENSION / "package.json").read_text(encoding="utf-8"))
    setting = manifest["contributes"]["configuration"]["properties"]["gtsdsl.command"]
    assert setting["default"] == ["gtsdsl", "lsp"]
    assert setting["scope"] == "machine"  # a stranger's folder must not choose what is started


@pytest.mark.parametrize("word", [*CLASSES, *KEYWORDS])
def test_the_grammar_knows_each_word(word: str) -> None:
    assert word in (EXTENSION / "syntaxes" / "gts.tmLanguage.json").read_text(encoding="utf-8")
