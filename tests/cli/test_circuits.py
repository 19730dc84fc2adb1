"""``gtsdsl circuits`` as a user calls it: arguments in, text and exit status out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["circuits", *arguments])


def rows(text: str) -> dict[str, str]:
    return {line.split()[0]: line for line in text.splitlines() if "–" in line.split(" ")[0]}


def test_all_circuits() -> None:
    result = run()
    assert result.exit_code == 0
    table = rows(result.output)
    assert len(table) == 55
    assert "36.2 ms" in table["AMS–MIL"]
    assert "measured" in table["AMS–MIL"]
    assert "42.5 42.9 43.0" in table["AMS–MIL"]
    assert "≈ 27.9 ms" in table["AMS–PRA"]
    assert "12.6 – 100.6 ms" in table["AMS–PRA"]
    assert "estimated" in table["AMS–PRA"]
    assert "University of Amsterdam" in result.output


def test_measured_first_then_the_four_of_prague() -> None:
    names = list(rows(run().output))
    assert names[6:10] == ["AMS–PRA", "BRA–PRA", "LJU–PRA", "MIL–PRA"]


def test_one_circuit() -> None:
    result = run("prg", "ams")
    assert list(rows(result.output)) == ["AMS–PRA"]
    assert "711 km" in result.output


def test_all_circuits_of_one_site() -> None:
    assert len(rows(run("AMS").output)) == 10


def test_json_is_a_file_of_circuits(tmp_path: Path) -> None:
    result = run("--format", "json")
    assert len(json.loads(result.output)["circuits"]) == 55
    path = tmp_path / "all.json"
    path.write_text(result.output, "utf-8")
    again = run("--format", "json", "--circuits", str(path))
    assert again.output == result.output


def test_own_file(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text('{"AMS-MIL": "40ms", "AMS-LAB": 5}', "utf-8")
    assert "40.0 ms" in rows(run("AMS", "MIL", "--circuits", str(path)).output)["AMS–MIL"]
    assert "given" in rows(run("ams", "lab", "--circuits", str(path)).output)["AMS–LAB"]
    nothing = run("LAB", "MIL", "--circuits", str(path))
    assert nothing.exit_code == 1
    assert "no round-trip time is known between LAB and MIL" in nothing.output


@pytest.mark.parametrize(("code", "near"), [("AMSS", "AMS"), ("prgg", "PRA"), ("Bratislawa", "BRA"), ("milan", "MIL")])
def test_unknown_site_names_the_nearest(code: str, near: str) -> None:
    result = run(code)
    assert result.exit_code == 2
    assert f"did you mean `{near}`?" in result.output


@pytest.mark.parametrize("code", ["", "#", "x" * 100_000, "[red]", "\x1b[31m", "a\n::error::b"])
def test_hostile_site(code: str) -> None:
    result = run(code)
    assert result.exit_code == 2
    assert "\x1b" not in result.output
    assert "\n::error" not in result.output
    assert len(result.output) < 1000


def test_hostile_names_in_a_file_are_shown_as_text(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    path.write_text(json.dumps({"[red]a[/]-\x1b[31mb\n::error::": 5}), "utf-8")
    result = run("--circuits", str(path))
    assert result.exit_code == 0
    assert "[RED]A[/]" in result.output
    assert "\x1b" not in result.output
    assert "\n::" not in result.output


def test_help_has_an_example() -> None:
    assert "gtsdsl circuits AMS MIL" in run("--help").output
