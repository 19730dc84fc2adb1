"""`gtsdsl compile`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from gtsdsl.diagnostics import Diagnostic, GtsError
from gtsdsl.source import Source
from gtsdsl.targets import FORMATS
from tests.cli.inputs import CLEAN, WARNED, WRONG, gtsdsl

MESH = """\
type Mesh(n = 1, site = "AMS", sites = ["AMS", "MIL"], name = "x") {
  (0..<n).each { host { id = "h${it}"; location = sites[it % sites.size()]; imageId = name } }
}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a file of each kind."""
    for name, text in {"clean.dsl": CLEAN, "warned.dsl": WARNED, "wrong.dsl": WRONG, "mesh.dsl": MESH}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compile_(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["compile", *arguments], input=stdin)


@pytest.mark.usefixtures("folder")
def test_gts_json_is_the_default() -> None:
    result = compile_("clean.dsl")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout)["type"] == "Pair"
    assert result.stdout == compile_("clean.dsl", "--to", "gts-json").stdout


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.usefixtures("folder")
def test_each_format_goes_to_standard_output_and_to_a_file(target: str) -> None:
    result = compile_("clean.dsl", "--to", target)
    assert result.exit_code == 0
    assert result.stdout.endswith("\n")
    assert compile_("clean.dsl", "--to", target, "-o", "out").stdout == ""
    assert Path("out").read_text(encoding="utf-8") == result.stdout


@pytest.mark.usefixtures("folder")
def test_standard_input() -> None:
    assert compile_("-", stdin=CLEAN).stdout == compile_("clean.dsl").stdout


@pytest.mark.usefixtures("folder")
def test_its_own_output_is_an_input() -> None:
    first = compile_("clean.dsl").stdout
    assert compile_("-", stdin=first).stdout == first


@pytest.mark.usefixtures("folder")
def test_a_warning_goes_to_standard_error() -> None:
    result = compile_("warned.dsl")
    assert result.exit_code == 0
    assert json.loads(result.stdout)
    assert result.stderr.startswith("warning[GTS032]")


def test_with_an_error_nothing_is_written(folder: Path) -> None:
    (folder / "out").write_text("old")
    result = compile_("wrong.dsl", "-o", "out")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[GTS020]" in result.stderr
    assert (folder / "out").read_text() == "old"


@pytest.mark.parametrize("name", ["gone.dsl", ".", ""])
@pytest.mark.usefixtures("folder")
def test_an_input_that_cannot_be_read(name: str) -> None:
    result = gtsdsl("compile", name)
    assert (result.returncode, result.stdout) == (1, b"")
    assert result.stderr.startswith(b"error[GTS002]: ")


@pytest.mark.parametrize(
    ("output", "message"),
    [(".", "error: . is a folder"), ("gone/out", "error: gone/out cannot be written: the folder ")],
)
@pytest.mark.usefixtures("folder")
def test_an_output_that_cannot_be_written(output: str, message: str) -> None:
    result = compile_("clean.dsl", "-o", output)
    assert result.exit_code == 1
    assert result.stderr.startswith(message)


@pytest.mark.parametrize("arguments", [[], ["a", "b"], ["--to", "pdf", "a"], ["--set", "n", "a"], ["--set", "=5", "a"]])
def test_wrong_usage(arguments: list[str]) -> None:
    assert compile_(*arguments).exit_code == 2


# --set


@pytest.mark.parametrize(
    ("settings", "hosts"),
    [
        ([], [("h0", "AMS", "x")]),
        (["n=3"], [("h0", "AMS", "x"), ("h1", "MIL", "x"), ("h2", "AMS", "x")]),
        ([" n = 2 "], [("h0", "AMS", "x"), ("h1", "MIL", "x")]),
        (["n=2", 'sites=["LJU", "BRA"]'], [("h0", "LJU", "x"), ("h1", "BRA", "x")]),
        (['name="a=b"'], [("h0", "AMS", "a=b")]),
        (["name=Ubuntu-14.04.qcow2"], [("h0", "AMS", "Ubuntu-14.04.qcow2")]),
        (["name=a=b"], [("h0", "AMS", "a=b")]),
    ],
)
@pytest.mark.usefixtures("folder")
def test_parameters_are_set(settings: list[str], hosts: list[tuple[str, str, str]]) -> None:
    options = [part for setting in settings for part in ("--set", setting)]
    result = compile_("mesh.dsl", *options)
    assert result.exit_code == 0, result.stderr
    resources = json.loads(result.stdout)["resources"]
    assert [(host["id"], host["location"], host["attributes"]["imageId"]) for host in resources] == hosts


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ('sites=["AMS"', "the value of `sites` is not a value of the DSL"),
        ('name="x', "the value of `name` is not a value of the DSL"),
        ("\x1b[31m", "`\\x1b[31m` is not NAME=VALUE, as in n=5"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_value_that_is_none(setting: str, message: str) -> None:
    result = compile_("mesh.dsl", "--set", setting)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.usefixtures("folder")
def test_a_parameter_that_is_set_twice() -> None:
    result = compile_("mesh.dsl", "--set", "n=1", "--set", "n=2")
    assert result.exit_code == 2
    assert "`n` is set twice" in result.stderr


@pytest.mark.usefixtures("folder")
def test_a_parameter_that_the_type_does_not_have() -> None:
    result = compile_("mesh.dsl", "--set", "m=1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[GTS017]" in result.stderr


# what a format cannot hold


@pytest.mark.usefixtures("folder")
def test_a_format_that_cannot_hold_it_is_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_testbed: object, _target: str) -> str:
        raise ValueError("no nested testbeds: `\x1b[31m`")

    monkeypatch.setattr("gtsdsl.cli.compile.compile_to", refuse)
    result = compile_("clean.dsl", "-o", "out")
    assert (result.exit_code, result.stderr) == (1, "error: no nested testbeds: `\\x1b[31m`\n")
    assert not Path("out").exists()


@pytest.mark.usefixtures("folder")
def test_a_format_may_have_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_testbed: object, _target: str) -> str:
        raise GtsError([Diagnostic("GTS039", "too long", Source("clean.dsl", ""))])

    monkeypatch.setattr("gtsdsl.cli.compile.compile_to", refuse)
    result = compile_("clean.dsl")
    assert isinstance(result.exception, GtsError)  # `gtsdsl.cli.main` prints it


def test_each_format_is_in_the_help() -> None:
    text = compile_("--help").stdout
    assert [target for target in FORMATS if target not in text] == []


@pytest.mark.skipif(os.name == "nt", reason="POSIX")
def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    (folder / "big.dsl").write_text(MESH)
    with subprocess.Popen(
        [sys.executable, "-m", "gtsdsl", "compile", "big.dsl", "--set", "n=5000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert b"Error" not in process.stderr.read()


OFX = """Lab {
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  ofx { id = "s1"; location = "AMS"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency s1.p, l1.dst
}
"""


def test_what_a_format_cannot_say_is_a_warning_with_its_place() -> None:
    result = compile_("-", "--to", "editor-json", stdin=OFX)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["dsl_id"] == "Lab"
    assert result.stderr.startswith("warning[GTS050]: the editor has no class `ofx`")
    assert "--> <stdin>:3:14" in result.stderr
    assert compile_("-", stdin=OFX).stderr == ""


@pytest.mark.usefixtures("folder")
def test_strict_refuses_what_is_warned_of() -> None:
    for arguments, text in ((["--to", "editor-json"], OFX), ([], WARNED)):
        result = compile_("-", *arguments, "--strict", "-o", "out", stdin=text)
        assert result.exit_code == 1
        assert result.stderr.startswith("warning[GTS0")
        assert not Path("out").exists()
    assert compile_("-", "--strict", stdin=OFX).exit_code == 0
