"""Reports as workflow commands, read back as the runner reads them."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

import pytest

from gtsdsl.diagnostics import Diagnostic, Findings, github
from gtsdsl.diagnostics.findings import MAX_FINDINGS
from gtsdsl.diagnostics.report import FileReport, report
from gtsdsl.source import Source, Span
from tests.diagnostics.samples import HOSTILE, duplicate, hostile_report, many


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


def run(output: str) -> list[Command]:
    """Return the commands that the runner reads from a step's output: one a line, with properties split at commas."""
    commands = []
    for line in re.split(r"\r\n|\r|\n", output):
        if line.startswith("::"):
            head, message = line[2:].split("::", 1)
            name, _, listed = head.partition(" ")
            properties = dict(item.split("=", 1) for item in listed.split(",") if item)
            commands.append(Command(name, {key: undo(value) for key, value in properties.items()}, undo(message)))
        else:
            assert line == ""
    return commands


def undo(text: str) -> str:
    for escape, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(escape, character)
    return text


def test_a_finding_is_one_line() -> None:
    assert github.write([report("mesh.dsl", Findings([duplicate()]))]) == (
        "::error file=mesh.dsl,line=3,col=13,endColumn=15,title=GTS020 duplicate id::"
        "the id `h1` is taken%0Anote: line 2, column 13: it stands here first%0Ahelp: did you mean `h2`?\n"
    )


def test_a_warning_is_one() -> None:
    (command,) = run(github.write([hostile_report("a")]))
    assert command.name == "warning"


def test_a_clean_file_says_nothing() -> None:
    assert github.write([FileReport("clean.dsl")]) == ""


def test_a_finding_over_several_lines_has_no_end_column() -> None:
    diagnostic = Diagnostic("GTS001", "wrong", Source("a", "a\nb"), Span(0, 3))
    (command,) = run(github.write([report("a", Findings([diagnostic]))]))
    assert command.properties == {"file": "a", "line": "1", "col": "1", "title": "GTS001 syntax error"}


def test_a_finding_about_the_whole_file_has_no_line() -> None:
    (command,) = run(github.write([report("a", Findings([Diagnostic("GTS002", "no such file", Source("a", ""))]))]))
    assert command == Command("error", {"file": "a", "title": "GTS002 input cannot be read"}, "no such file")


@pytest.mark.parametrize("name", ["a:b,c.dsl", "100%.dsl", "%0A::error::x.dsl", "a\nb.dsl", "a=b::c.dsl"])
def test_a_files_name_comes_back_as_it_was(name: str) -> None:
    (command,) = run(github.write([report(name, Findings([Diagnostic("GTS002", "no such file", Source(name, ""))]))]))
    assert command.properties["file"] == name


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_gives_one_command_and_nothing_else(text: str) -> None:
    output = github.write([hostile_report(text)])
    (command,) = run(output)
    assert set(command.properties) == {"file", "line", "col", "endColumn", "title"} or "\n" in text
    assert command.properties["title"] == "GTS032 unknown site"
    assert not [character for character in output[:-1] if unicodedata.category(character)[0] == "C"]


def test_what_is_too_much_is_counted() -> None:
    commands = run(github.write([report("many.dsl", many(MAX_FINDINGS + 3))]))
    assert len(commands) == MAX_FINDINGS + 1
    assert commands[-1] == Command("warning", {"file": "many.dsl"}, "3 more findings are not listed")
