"""`gtsdsl explain`."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result

from gtsdsl.cli import cli
from gtsdsl.data import shipped
from gtsdsl.diagnostics import CODES
from tests.cli.inputs import gtsdsl


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *arguments])


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_page(code: str) -> None:
    result = explain(code)
    assert result.exit_code == 0
    assert result.stdout == shipped("docs", "diagnostics", f"{code}.md").read_text(encoding="utf-8")
    assert code in result.stdout.splitlines()[0]


@pytest.mark.parametrize("code", ["gts012", "Gts012", " GTS012 "])
def test_case_does_not_matter(code: str) -> None:
    assert explain(code).stdout == explain("GTS012").stdout


def test_without_a_code_all_are_listed() -> None:
    lines = explain().stdout.splitlines()
    assert len(lines) == len(CODES)
    assert "GTS020  error    duplicate id" in lines
    assert "GTS032  warning  unknown site" in lines


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("GTS12", "GTS012"),
        ("GTS0112", "GTS012"),
        ("GTS999", "did you mean"),
        ("nonsense", "`gtsdsl explain` lists all codes"),
        ("../../../etc/passwd", "`gtsdsl explain` lists all codes"),
        ("x" * 100_000, "`gtsdsl explain` lists all codes"),
        ("\x1b[31m", "unknown code `\\x1b[31m`;"),
    ],
)
def test_an_unknown_code(code: str, said: str) -> None:
    result = explain(code)
    assert (result.exit_code, result.stdout) == (2, "")
    assert said in result.stderr
    assert "\x1b" not in result.stderr


def test_piped_it_is_the_page_as_it_is() -> None:
    result = gtsdsl("explain", "GTS012")
    assert result.stdout == shipped("docs", "diagnostics", "GTS012.md").read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_on_a_terminal_it_is_rendered() -> None:
    import pty

    ours, theirs = pty.openpty()
    environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-m", "gtsdsl", "explain", "GTS012"], stdout=theirs, env=environment):
        os.close(theirs)
        shown = bytearray()
        with contextlib.suppress(OSError):  # Linux: the other end is closed
            while data := os.read(ours, 65536):
                shown += data
    os.close(ours)
    assert b"\x1b[" in shown
    assert b"GTS012" in re.sub(rb"\x1b\[[\d;]*m", b"", bytes(shown))
