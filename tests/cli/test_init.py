"""``gtsdsl init``: a shape in, a topology out that is read back as the same and checks clean."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from gtsdsl.loading import check, loads
from gtsdsl.model.shapes import SHAPES, build
from gtsdsl.source import Source


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["init", *arguments])


@pytest.mark.parametrize("sites", [["AMS"], ["AMS", "MIL"], ["AMS", "MIL", "LJU"]])
@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_checks_clean_and_is_the_shape(shape: str, sites: list[str]) -> None:
    hosts = 2 if shape == "point-to-point" else 7
    if len(sites) > hosts:
        sites = sites[:hosts]
    result = run(shape, "--sites", ",".join(sites), "--hosts", str(hosts))
    assert result.exit_code == 0
    assert check(Source("init", result.stdout)).diagnostics == ()
    assert loads(result.stdout) == replace(build(shape, sites, hosts))
    assert result.stdout.startswith(f"// Made by: gtsdsl init {shape} --sites {','.join(sites)} --hosts {hosts}\n")


def test_one_host_a_site_if_nothing_is_said() -> None:
    testbed = loads(run("full-mesh", "--sites", "ams, mil ,prg").stdout)
    assert [host.location for host in testbed.hosts] == ["AMS", "MIL", "PRA"]


def test_file_is_not_overwritten_without_force(tmp_path: Path) -> None:
    path = tmp_path / "mesh.dsl"
    path.write_text("mine", "utf-8")
    refused = run("ring", "--sites", "AMS", "-o", str(path))
    assert refused.exit_code == 1
    assert "--force" in refused.output
    assert path.read_text("utf-8") == "mine"
    assert run("ring", "--sites", "AMS", "-o", str(path), "--force").exit_code == 0
    assert loads(path.read_text("utf-8")).type == "Ring"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["full-mesh", "--sites", "AMS", "--hosts", "401"], "a full-mesh has 2 to 400 hosts, not 401"),
        (["full-mesh", "--sites", "AMS", "--hosts", "99999999999999999999"], "has 2 to 400 hosts"),
        (["ring", "--sites", "AMS", "--hosts", "2"], "a ring has 3 to 10,000 hosts"),
        (["line", "--sites", "AMS", "--hosts", "x"], "not a valid integer"),
        (["star", "--sites", "AMS,,MIL"], "a site is empty"),
        (["star", "--sites", ""], "a site is empty"),
        (["star", "--sites", "PRA,PRG"], "a site is given twice"),
        (["star", "--sites", "AMS,MIL,LJU", "--hosts", "2"], "a site would have none"),
        (["star"], "--sites"),
        (["cube", "--sites", "AMS"], "cube"),
    ],
)
def test_wrong_usage(arguments: list[str], said: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_unknown_site_is_a_warning() -> None:
    result = run("line", "--sites", "AMSS,LJU")
    assert result.exit_code == 0
    assert "`AMSS` is not a known site; did you mean `AMS`?" in result.stderr
    assert [host.location for host in loads(result.stdout).hosts] == ["AMSS", "LJU"]


@pytest.mark.parametrize("code", ['a"b', "a\n}", "${1 + 1}", "$x", "a\\", "*/", "\x1b[31m"])
def test_hostile_site_is_text(code: str) -> None:
    result = run("line", "--sites", code)
    assert result.exit_code == 0
    assert {host.location for host in loads(result.stdout).hosts} == {code}
    assert "\x1b" not in result.output


def test_help_has_an_example() -> None:
    assert "gtsdsl init star --sites BRA,AMS --hosts 12" in run("--help").output
