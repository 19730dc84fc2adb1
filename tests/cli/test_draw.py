"""``gtsdsl draw``: a file in, a picture out, or one clear message."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from gtsdsl.machine import refusal

PAIR = """
Pair {
  host { id="h1" location="AMS" port { id="p" } }
  host { id="h2" location="MIL" port { id="p" } }
  link { id="l" port { id="src" } port { id="dst" } }
  adjacency h1.p, l.src
  adjacency h2.p, l.dst
}
"""


def run(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, ["draw", *arguments], input=text)


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "pair.dsl"
    path.write_text(PAIR, "utf-8")
    return path


@pytest.mark.parametrize(
    ("ending", "start"), [("svg", b"<svg "), ("html", b"<!DOCTYPE html>"), ("png", b"\x89PNG"), ("SVG", b"<svg ")]
)
def test_format_is_that_of_the_ending(pair: Path, ending: str, start: bytes) -> None:
    output = pair.with_suffix(f".{ending}")
    result = run(str(pair), "-o", str(output))
    assert result.exit_code == 0, result.output
    assert output.read_bytes().startswith(start)


def test_standard_input_and_own_circuits(tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"AMS-MIL": "41ms"}', "utf-8")
    output = tmp_path / "out.svg"
    assert run("-", "-o", str(output), "--circuits", str(own), text=PAIR).exit_code == 0
    assert ">41.0 ms<" in output.read_text("utf-8")


@pytest.mark.parametrize("name", ["out", "out.gif", ".svg", "out.svg.gz"])
def test_unknown_ending(pair: Path, name: str) -> None:
    result = run(str(pair), "-o", str(pair.parent / name))
    assert result.exit_code == 2
    assert ".svg, .png or .html" in result.output


def test_errors_in_the_topology(pair: Path) -> None:
    pair.write_text("Pair { host { id = } }", "utf-8")
    result = run(str(pair), "-o", str(pair.with_suffix(".svg")))
    assert (result.exit_code, result.stdout) == (1, "")
    assert "error[GTS001]" in result.stderr
    assert not pair.with_suffix(".svg").exists()


def test_warnings_do_not_keep_from_drawing(pair: Path) -> None:
    pair.write_text(PAIR.replace("MIL", "MIX"), "utf-8")
    result = run(str(pair), "-o", str(pair.with_suffix(".svg")))
    assert result.exit_code == 0
    assert "GTS032" in result.output


def test_png_without_the_library(pair: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    result = run(str(pair), "-o", str(pair.with_suffix(".png")))
    assert isinstance(result.exception, ImportError)  # which `main` prints
    assert refusal(result.exception) == "the Python package resvg_py is missing: pip install 'gtsdsl[draw]'"


def test_a_folder_that_does_not_exist(pair: Path) -> None:
    result = run(str(pair), "-o", str(pair.parent / "no" / "out.svg"))
    assert result.exit_code == 1
    assert "cannot be written" in result.output


def test_help_has_an_example() -> None:
    assert "gtsdsl draw examples/full_mesh.dsl -o mesh.svg" in run("--help").output
