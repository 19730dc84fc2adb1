"""The built wheel holds all that the commands need, the grammar and the parser's tables among it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


BUILD = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the wheel, where nothing else is."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*BUILD, str(folder), str(ROOT)], check=True)
    (wheel,) = folder.glob("gtsdsl-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def run(unpacked: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    # -P and an empty working folder: nothing of the checkout can be found
    command = [sys.executable, "-P", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(unpacked)}
    return subprocess.run(
        command, env=environment, cwd=unpacked.parent, capture_output=True, text=True, check=False, timeout=120
    )


def test_modules_come_from_the_wheel(unpacked: Path) -> None:
    done = run(unpacked, "-c", "import gtsdsl; print(gtsdsl.__file__)")
    assert done.stdout.startswith(str(unpacked)), done.stderr


def test_it_compiles(unpacked: Path) -> None:
    done = run(unpacked, "-m", "gtsdsl", "compile", str(ROOT / "examples" / "nested.dsl"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["type"] == "Islands"


def test_it_reads_the_tables_and_not_lark(unpacked: Path) -> None:
    program = "import sys, gtsdsl; gtsdsl.loads('X { host { id = \"h\" } }'); print('lark' in sys.modules)"
    assert run(unpacked, "-c", program).stdout == "False\n"


@pytest.mark.parametrize(
    "arguments",
    [("explain", "GTS012"), ("circuits", "AMS", "MIL"), ("--version",), ("init", "ring", "--sites", "AMS,MIL,LJU")],
)
def test_other_commands_find_their_files(unpacked: Path, arguments: tuple[str, ...]) -> None:
    done = run(unpacked, "-m", "gtsdsl", *arguments)
    assert done.returncode == 0, done.stderr


def test_it_draws(unpacked: Path, tmp_path: Path) -> None:
    picture = tmp_path / "mesh.svg"
    done = run(unpacked, "-m", "gtsdsl", "draw", str(ROOT / "examples" / "full_mesh.dsl"), "-o", str(picture))
    assert done.returncode == 0, done.stderr
    assert picture.read_text().startswith("<")


READ_ONLY = """
set -e
mount --bind "$1" "$1"
mount -o remount,bind,ro "$1"
shift
exec "$@"
"""


@pytest.mark.skipif(sys.platform != "linux", reason="mounts are Linux's")
def test_it_is_built_of_a_read_only_source_whose_path_has_a_blank(tmp_path: Path) -> None:
    source = tmp_path / "read only"
    for name in ("gtsdsl", "emulator", "grammar", "docs"):
        ignored = shutil.ignore_patterns("__pycache__", "tables.json")
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    own = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    if (may := subprocess.run([*own, "true"], capture_output=True, text=True, check=False)).returncode != 0:
        pytest.skip(f"needs a mount namespace: {may.stderr.strip()}")
    command = [*own, "sh", "-c", READ_ONLY, "sh", str(source), *BUILD, str(tmp_path), str(source)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("gtsdsl-*.whl")
    assert "gtsdsl/syntax/tables.json" in zipfile.ZipFile(wheel).namelist()
    assert not (source / "gtsdsl" / "syntax" / "tables.json").exists()
