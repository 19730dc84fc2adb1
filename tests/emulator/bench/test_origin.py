"""The origin of a benchmark: commit, machine, topology."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

import gtsdsl
from emulator.bench.origin import commit, machine, origin, topology
from emulator.bench.results import Topology
from emulator.system.decode import decode, encode
from gtsdsl.circuits import Circuits, parse_circuits
from gtsdsl.circuits.model import Circuit
from gtsdsl.source import Source

pytestmark = pytest.mark.usefixtures("git_settings")
EXAMPLES = Path(__file__).parents[3] / "examples"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)


def test_a_checkout_has_a_commit_which_says_that_files_were_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert commit(tmp_path) is None
    git(tmp_path, "init")
    (tmp_path / "file").write_text("1")
    git(tmp_path, "add", "file")
    git(tmp_path, "commit", "-m", "One")
    clean = commit(tmp_path)
    assert re.fullmatch("[0-9a-f]{12}", clean or "")
    (tmp_path / "file").write_text("2")
    assert commit(tmp_path) == f"{clean}-dirty"
    for name in ("GIT_DIR", "GIT_OBJECT_DIRECTORY"):  # as in a hook of another repository
        monkeypatch.setenv(name, str(tmp_path / "another"))
    assert commit(tmp_path) == f"{clean}-dirty"


def test_a_folder_in_a_checkout_of_something_else_has_no_commit(tmp_path: Path) -> None:
    git(tmp_path, "init")
    git(tmp_path, "commit", "--allow-empty", "-m", "One")
    (tmp_path / "site-packages").mkdir()
    assert commit(tmp_path / "site-packages") is None


def test_the_origin_names_this_machine_and_a_time_of_utc() -> None:
    found = origin()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.started)
    assert found.gtsdsl == gtsdsl.__version__
    assert found.machine == machine()
    assert all(getattr(found.machine, field.name) for field in fields(found.machine))


def test_a_topology_comes_back_from_results_with_the_users_own_circuits() -> None:
    testbed = gtsdsl.load(EXAMPLES / "full_mesh.dsl")
    own = Circuits({}, {("AMS", "MIL"): Circuit(("AMS", "MIL"), 40.0, 40.0, 40.0, False, "given", "--rtt")})
    found = decode(Topology, encode(topology(testbed, own)), "a topology")
    assert found.testbed == testbed.id
    assert gtsdsl.loads(found.gts_json) == testbed
    assert found.circuits is not None
    assert parse_circuits(Source("results", found.circuits)) == own
    assert topology(testbed, None).circuits is None
