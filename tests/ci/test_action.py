"""The GitHub Action: its definition, and its script run by bash with the inputs that a workflow may give."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import hijack
from tests.cli.inputs import CLEAN, WARNED, WRONG

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


def action() -> dict[str, Any]:
    document = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with topologies, and beside it a program `gtsdsl`."""
    program = tmp_path / "bin" / "gtsdsl"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m gtsdsl "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in {"clean.dsl": CLEAN, "warned.dsl": WARNED, "wrong.dsl": WRONG, "a b.dsl": CLEAN}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def run(project: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the action's last step as the runner does; inputs that are not given have their defaults."""
    step = action()["runs"]["steps"][-1]
    values = {name: definition["default"] for name, definition in action()["inputs"].items()} | inputs
    environment = {
        variable: values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for variable, expression in step["env"].items()
    }
    path = f"{project.parent / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=project,
        env={**os.environ, **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_script_holds_an_expression() -> None:
    scripts = [step["run"] for step in action()["runs"]["steps"] if "run" in step]
    assert len(scripts) == 4
    assert not [script for script in scripts if "${{" in script]


def test_each_input_is_described_and_used() -> None:
    *earlier, step = action()["runs"]["steps"]
    given = [f"${{{{ inputs.{name} }}}}" for name in action()["inputs"] if name != "emulation"]
    assert sorted(step["env"].values()) == sorted(given)
    assert [each.get("if") for each in earlier].count("inputs.emulation == 'true'") == 3
    assert all(definition["description"] for definition in action()["inputs"].values())


def test_the_kernel_is_looked_for_where_it_is_kept() -> None:
    from emulator.kernel.cache import kernels_folder

    (step,) = (each for each in action()["runs"]["steps"] if each.get("uses", "").startswith("actions/cache@"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("XDG_CACHE_HOME", raising=False)
        assert Path(step["with"]["path"]).expanduser() == kernels_folder()


def test_the_kernel_is_kept_by_its_configuration(tmp_path: Path) -> None:
    (step,) = (each for each in action()["runs"]["steps"] if each.get("id") == "configuration")
    kernel = tmp_path / "emulator" / "kernel"
    kernel.mkdir(parents=True)
    (kernel / "a.patch").touch()
    hashes = []
    for configuration in ("CONFIG_NET=y", "CONFIG_NET=y", "CONFIG_NET=n"):
        (kernel / "gts-uml.config").write_text(configuration)
        output = tmp_path / "output"
        output.write_text("")
        environment = {**os.environ, "SOURCE": str(tmp_path), "GITHUB_OUTPUT": str(output)}
        subprocess.run(["bash", "-e", "-c", step["run"]], env=environment, check=True)
        hashes.append(output.read_text())
    assert hashes[0] == hashes[1] != hashes[2]
    assert re.fullmatch(r"hash=[0-9a-f]{64}\n", hashes[0])


def test_each_step_names_its_shell() -> None:
    assert all(step["shell"] == "bash" for step in action()["runs"]["steps"] if "run" in step)


def test_by_default_everything_is_checked_and_annotated(project: Path) -> None:
    result = run(project)
    assert result.returncode == 1
    lines = result.stdout.splitlines()
    assert any(line.startswith("::error file=./wrong.dsl,line=3,") for line in lines)
    assert any(line.startswith("::warning file=./warned.dsl,line=2,") for line in lines)
    assert "4 files checked" in result.stderr


@pytest.mark.parametrize(
    ("inputs", "status", "checked"),
    [
        ({"paths": "clean.dsl"}, 0, "1 file"),
        ({"paths": "clean.dsl\na b.dsl\n"}, 0, "2 files"),
        ({"paths": "clean.dsl\r\n\r\na b.dsl\r\n"}, 0, "2 files"),
        ({"paths": "warned.dsl"}, 0, "1 file"),
        ({"paths": "warned.dsl", "strict": "true"}, 1, "1 file"),
        ({"paths": "warned.dsl", "strict": "false"}, 0, "1 file"),
        ({"paths": "gone.dsl\nclean.dsl"}, 1, "2 files"),
    ],
)
def test_the_inputs(project: Path, inputs: dict[str, str], status: int, checked: str) -> None:
    result = run(project, **inputs)
    assert result.returncode == status, result.stdout + result.stderr
    assert result.stderr.startswith(f"{checked} checked")


def test_a_report_in_a_file(project: Path) -> None:
    result = run(project, paths="wrong.dsl", format="sarif", output="a b.sarif")
    assert (result.returncode, result.stdout) == (1, "")
    assert '"2.1.0"' in (project / "a b.sarif").read_text(encoding="utf-8")


@pytest.mark.parametrize("paths", ["", "\n", "\r\n"])
def test_no_paths_are_an_error(project: Path, paths: str) -> None:
    result = run(project, paths=paths)
    assert result.returncode == 2
    assert result.stdout.startswith("::error title=gtsdsl::")


@pytest.mark.parametrize(
    "text",
    [
        "$(touch owned)",
        "`touch owned`",
        "; touch owned",
        '"; touch owned; "',
        "'; touch owned; '",
        "&& touch owned",
        "--output=owned",
        "-o owned",
        "--help",
        "*",
        "${PATH}",
        "a\\",
        "::error::owned",
    ],
)
def test_hostile_inputs_are_data(project: Path, text: str) -> None:
    result = run(project, paths=text, strict=text, output=f"{text}.xml")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "1 file checked, 1 error, 0 warnings\n"
    assert not (project / "owned").exists()
    assert run(project, format=text).returncode == 2
    assert not (project / "owned").exists()


@pytest.mark.skipif(os.name == "nt", reason="POSIX names")
@pytest.mark.parametrize("name", ["$(touch owned).dsl", "-o owned.dsl", " a .dsl", "a'b\"c.dsl", "::error::x.dsl"])
def test_hostile_file_names(project: Path, name: str) -> None:
    (project / name).write_text(CLEAN, encoding="utf-8")
    result = run(project, paths=name)
    assert (result.returncode, result.stderr) == (0, "1 file checked, 0 errors, 0 warnings\n")
    assert not (project / "owned").exists()


def a_wheel(folder: Path) -> Path:
    """Write an empty wheel, which pip installs without a network, and return its path."""
    path = folder / "nothing-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("nothing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: nothing\nVersion: 1\n")
        archive.writestr("nothing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("nothing-1.dist-info/RECORD", "")
    return path


@pytest.mark.slow("installs the project with pip")
def test_the_installation_runs_no_module_of_a_pull_request(project: Path) -> None:
    hijack.make_folder(project)
    (step,) = (each for each in action()["runs"]["steps"] if each.get("name") == "Install gtsdsl")
    runner = {"RUNNER_TEMP": str(project.parent), "GITHUB_PATH": str(project.parent / "path")}
    own = {"PYTHON": sys.executable, "SOURCE": str(a_wheel(project.parent)), "EXTRA": ""}
    quiet = {"PIP_NO_CACHE_DIR": "1", "PIP_CONFIG_FILE": os.devnull}  # pip warns of a cache of another user's
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
        cwd=project,
        env={**os.environ, **runner, **own, **quiet},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert not (project / hijack.RAN).exists()
    assert list((project.parent / "gtsdsl").glob("lib/*/site-packages/nothing-1.dist-info"))


@pytest.mark.parametrize("command", ["-mensurepip", "-mjson"])
def test_what_installs_packages_runs_no_module_of_the_working_folder(project: Path, command: str) -> None:
    hijack.make_folder(project)
    done = subprocess.run([ROOT / "tools" / "apt-install", f"{command}:nothing"], cwd=project, check=False)
    assert done.returncode == 0
    assert not (project / hijack.RAN).exists()
