"""Every command and every program that the README and the pages show runs as it is shown."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from gtsdsl.inputs.loading import check
from gtsdsl.source import Source
from tests.emulator.docker.archives import save
from tests.emulator.kernel.conftest import guest_kernel

__all__ = ["guest_kernel"]

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]
LINKED = [*PAGES, *sorted(ROOT.glob("editors/*/README.md"))]


def blocks(kind: str) -> Sequence[object]:
    """The code blocks of a kind in all pages."""
    found = []
    for page in PAGES:
        for number, match in enumerate(re.finditer(rf"^```{kind}\n(.*?)^```", page.read_text(), re.M | re.S)):
            found.append(pytest.param(match[1], id=f"{page.name}-{number}"))
    return found


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("examples", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(arguments, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("block", blocks("sh"))
def test_commands_run(block: str, checkout: Path, request: pytest.FixtureRequest) -> None:
    if "gtsdsl emulate" in block or "gtsdsl guest" in block:
        request.getfixturevalue("guest_kernel")
    if "image.tar" in block:
        save(checkout / "image.tar")
    for line in block.splitlines():
        command = shlex.split(line, comments=True)
        if not command or command[0] == "make":  # `make test` is what runs this
            continue
        assert command[0] == "gtsdsl", "a page shows a command that nothing runs"
        done = run(command, checkout)
        if "has no external key-value store any more" in done.stderr:  # Docker of Debian 13: the page says so, too
            assert done.returncode == 3
            continue
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("python"))
def test_programs_run(block: str, checkout: Path, request: pytest.FixtureRequest) -> None:
    if "import emulate" in block:
        request.getfixturevalue("guest_kernel")
    done = run([sys.executable, "-c", block], checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("block", blocks("gts"))
def test_topologies_are_right(block: str) -> None:
    assert not check(Source("<page>", block)).diagnostics


@pytest.mark.parametrize("block", blocks("json"))
def test_json_is_json(block: str) -> None:
    document = json.loads(block)
    if "gts" in document:
        assert not check(Source("<page>", block)).diagnostics


def test_the_five_mistakes_are_shown(checkout: Path) -> None:
    done = run(["gtsdsl", "check", "docs/mistakes.dsl"], checkout)
    assert done.returncode == 1
    assert re.findall(r"\[(GTS\d+)\]", done.stdout) == ["GTS032", "GTS037", "GTS020", "GTS022", "GTS022"]
    shown = re.search(r"\$ gtsdsl check docs/mistakes.dsl\n(.*?)\n…", ROOT.joinpath("README.md").read_text(), re.S)
    assert shown is not None
    assert shown[1] in done.stdout


@pytest.mark.parametrize("page", LINKED, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        assert "://" in target or (page.parent / target).exists(), target
