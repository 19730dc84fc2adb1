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

from gtsdsl.cli.bench.matrix_file import read_matrix
from gtsdsl.loading import check, load
from gtsdsl.scenario import read_scenario
from gtsdsl.source import Source
from gtsdsl.topology.address_plan import read_address_plan
from tests.emulator.docker.archives import save

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted(ROOT.joinpath("docs").glob("*.md"))]
BOOTING = ("gtsdsl emulate", "gtsdsl guest", "gtsdsl overlays", "gtsdsl bench", "import emulate", "gtsdsl.emulate")
"""The parts of a block of commands, or of a program, that boots a guest."""
LINKED = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md")), *sorted(ROOT.glob("editors/*/README.md"))]


def blocks(kind: str, *, boots: bool | None = None) -> Sequence[object]:
    """Return the code blocks of a kind in all pages. ``boots`` keeps those that boot a guest, or those that do not."""
    found = []
    for page in PAGES:
        for number, match in enumerate(re.finditer(rf"^```{kind}\n(.*?)^```", page.read_text(), re.M | re.S)):
            if boots in (None, any(part in match[1] for part in BOOTING)):
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


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("block", blocks("sh", boots=True))
def test_commands_run_in_a_guest(block: str, checkout: Path, request: pytest.FixtureRequest) -> None:
    build_for(block, request)
    run_commands(block, checkout)


@pytest.mark.parametrize("block", blocks("sh", boots=False))
def test_commands_run(block: str, checkout: Path, request: pytest.FixtureRequest) -> None:
    build_for(block, request)
    run_commands(block, checkout)


def build_for(block: str, request: pytest.FixtureRequest) -> None:
    """Build what a block of commands builds, or skip the test where it cannot be built."""
    for part, fixture in (("gtsdsl agents", "flanneld"), ("gtsdsl tools", "netperf")):
        if part in block:
            request.getfixturevalue(fixture)


def run_commands(block: str, checkout: Path) -> None:
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


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("block", blocks("python", boots=True))
def test_programs_run_in_a_guest(block: str, checkout: Path) -> None:
    run_program(block, checkout)


@pytest.mark.parametrize("block", blocks("python", boots=False))
def test_programs_run(block: str, checkout: Path) -> None:
    run_program(block, checkout)


def run_program(block: str, checkout: Path) -> None:
    done = run([sys.executable, "-c", block], checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "print(" not in block


@pytest.mark.parametrize("block", blocks("gts"))
def test_topologies_are_right(block: str) -> None:
    assert not check(Source("<page>", block)).diagnostics


@pytest.mark.parametrize("block", blocks("toml"))
def test_files_of_benchmarks_address_plans_and_scenarios_are_right(block: str) -> None:
    if re.match(r"\[\[(cut|change|trace|cpus|kill|start)\]\]", block):
        read_scenario(Source(str(ROOT / "examples" / "storm.toml"), block), load(ROOT / "examples" / "full_mesh.dsl"))
    elif block.startswith("[hosts]"):
        read_address_plan(Source("addresses.toml", block), load(ROOT / "examples" / "full_mesh.dsl"))
    else:
        read_matrix(Source("bench.toml", block))


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


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target, part in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text):
        if "://" in target:
            continue
        other = page.parent / target if target else page
        assert other.exists(), target
        assert not part or part in anchors(other), f"{target}#{part}"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
