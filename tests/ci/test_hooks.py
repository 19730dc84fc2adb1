"""The pre-commit hooks, run by the real pre-commit."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.cli.inputs import CLEAN, WARNED, WRONG

pytest.importorskip("pre_commit")
pytestmark = pytest.mark.usefixtures("git_settings")
ROOT = Path(__file__).parents[2]
HOOKS = ROOT / ".pre-commit-hooks.yaml"
posix = pytest.mark.skipif(os.name == "nt", reason="a shell script stands for gtsdsl")

NETWORK_ERROR = re.compile(r"NewConnectionError|ConnectionResetError|Connection aborted|TimeoutError|timed out", re.I)
TRIES = 3


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "init")
    git(folder, "add", "-A", "-f")
    git(folder, "commit", "-m", "all")


@pytest.fixture
def hooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the hooks, which run the gtsdsl of this checkout in place of an installed one."""
    program = tmp_path / "bin" / "gtsdsl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gtsdsl "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    folder = tmp_path / "hooks"
    folder.mkdir()
    definitions = yaml.safe_load(HOOKS.read_text(encoding="utf-8"))
    for definition in definitions:
        assert definition["language"] == "python"
        definition["language"] = "system"
    (folder / ".pre-commit-hooks.yaml").write_text(yaml.safe_dump(definitions), encoding="utf-8")
    commit(folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's repository."""
    folder = tmp_path / "project"
    folder.mkdir()
    files = {"clean.dsl": CLEAN, "warned.dsl": WARNED, "sub/wrong.gts": WRONG, "notes.txt": "{", "sub/-o.dsl": WRONG}
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    commit(folder)
    return folder


def try_repo(hooks: Path, project: Path, hook: str, *files: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "try-repo", "--verbose", str(hooks), hook, "--files", *files],
        cwd=project,
        env={**os.environ, "PRE_COMMIT_HOME": str(project.parent / "cache"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@posix
@pytest.mark.parametrize(
    ("files", "status", "shown"),
    [
        (["clean.dsl"], 0, "1 file checked, 0 errors, 0 warnings"),
        (["clean.dsl", "warned.dsl"], 0, "2 files checked, 0 errors, 1 warning"),
        (["sub/wrong.gts", "clean.dsl"], 1, "error[GTS020]"),
        (["notes.txt"], 0, "(no files to check)"),
        (["sub/-o.dsl"], 1, "error[GTS020]"),
    ],
)
def test_the_check_hook(hooks: Path, project: Path, files: list[str], status: int, shown: str) -> None:
    result = try_repo(hooks, project, "gtsdsl-check", *files)
    assert result.returncode == status, result.stdout + result.stderr
    assert shown in result.stdout


@posix
def test_the_format_hook(hooks: Path, project: Path) -> None:
    (project / "ugly.dsl").write_text('type A{host{id="h1" location="AMS"}}')
    git(project, "add", "-A")
    first = try_repo(hooks, project, "gtsdsl-fmt", "ugly.dsl")
    assert first.returncode == 1, first.stdout + first.stderr
    assert "files were modified by this hook" in first.stdout
    assert (project / "ugly.dsl").read_text() != 'type A{host{id="h1" location="AMS"}}'


@pytest.mark.skipif("GTSDSL_TEST_INSTALL" not in os.environ, reason="installs from PyPI: set GTSDSL_TEST_INSTALL=1")
def test_the_hook_installs_gtsdsl_from_the_repository(tmp_path: Path, project: Path) -> None:
    source = tmp_path / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, source / name)
    commit(source)
    for _ in range(TRIES):
        result = try_repo(source, project, "gtsdsl-check", "sub/wrong.gts", "clean.dsl")
        if not NETWORK_ERROR.search(result.stdout + result.stderr):
            break
    assert result.returncode == 1, result.stdout + result.stderr
    assert "error[GTS020]" in result.stdout
    assert "2 files checked" in result.stdout
