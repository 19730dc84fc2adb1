"""The option `--set` of the commands that read a topology."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from tests.emulator.samples import ROOT

MESH = str(ROOT / "examples" / "mesh_of_n.dsl")


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


@pytest.fixture
def scenario(tmp_path: Path) -> str:
    """A scenario with a link and a host that the topology has with eight hosts only."""
    path = tmp_path / "storm.toml"
    path.write_text('[[cut]]\nat = 1\nlink = "l6_7"\n\n[[kill]]\nat = 2\nhost = "h7"\n')
    return str(path)


def test_a_scenario_is_checked_against_the_parameters(scenario: str) -> None:
    result = run("check", MESH, "--set", "n=8", "--scenario", scenario)
    assert (result.exit_code, result.stderr) == (0, "2 files checked, 0 errors, 0 warnings\n")
    result = run("check", MESH, "--scenario", scenario)
    assert (result.exit_code, result.stderr) == (1, "2 files checked, 2 errors, 0 warnings\n")


def test_an_address_plan_is_checked_against_the_parameters(tmp_path: Path) -> None:
    path = tmp_path / "addresses.toml"
    path.write_text('[hosts]\nh7 = "192.0.2.7"\n')
    assert run("check", MESH, "--set", "n=8", "--address-plan", str(path)).exit_code == 0
    result = run("check", MESH, "--address-plan", str(path))
    assert result.exit_code == 1
    assert "h7" in result.stdout


def test_a_sample_of_a_scenario_is_of_the_parameters() -> None:
    assert "l0_1" in run("scenario", MESH, "--set", "n=8").stdout
    result = run("scenario", MESH, "--set", "n=1")
    assert result.exit_code == 1
    assert "this topology has no link between two ports" in result.stderr


def test_a_picture_is_of_the_parameters(tmp_path: Path) -> None:
    out = tmp_path / "mesh.svg"
    assert run("draw", MESH, "--set", "n=8", "-o", str(out)).exit_code == 0
    assert "h7" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["check", MESH, "--set", "n=x"], 1, "`int n` is a whole number, not a string"),
        (["check", MESH, "--set", "m=8"], 1, "`Mesh` has no parameter `m`"),
        (["check", MESH, "--set", "n"], 2, "`n` is not NAME=VALUE, as in n=5"),
        (["check", MESH, MESH, "--set", "n=8"], 2, "--set is for one topology: give one FILE"),
        (["scenario", MESH, "--set", "n"], 2, "`n` is not NAME=VALUE, as in n=5"),
        (["draw", MESH, "-o", "mesh.svg", "--set", "n"], 2, "`n` is not NAME=VALUE, as in n=5"),
    ],
)
def test_a_wrong_setting_is_told(arguments: list[str], status: int, message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == status
    assert message in result.output
