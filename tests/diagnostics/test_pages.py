"""Each diagnostic has a page; its wrong example brings the diagnostic about, and its right one is clean."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.cpu.reader import parse_table
from gtsdsl.circuits import parse_circuits
from gtsdsl.cli.bench.matrix_file import read_matrix
from gtsdsl.data import shipped
from gtsdsl.diagnostics import CODES, GtsError
from gtsdsl.loading import check
from gtsdsl.scenario import read_scenario
from gtsdsl.source import Source

PAGES = shipped("docs", "diagnostics")

ABOUT_COMMANDS = {"GTS002", "GTS003", "GTS005", "GTS017", "GTS050", "GTS054"}
"""Their examples are commands: what they say of a file is not in its text."""

EXPECTED_BESIDES = {("GTS016", "right"): {"GTS040"}}
"""Warnings that an example has anyway, and that its page speaks of."""

READERS: dict[str, Callable[[Source], object]] = {
    "GTS007": parse_circuits,
    "GTS008": read_matrix,
    "GTS009": read_scenario,
    "GTS060": parse_table,
}
"""The readers of files that are no topologies, by the code of their mistakes."""

_PAGE = re.compile(
    r"# (?P<code>GTS\d{3}): (?P<title>[^\n]+)\n\nSeverity: (?P<severity>error|warning)\n\n(?P<meaning>[^#]+)"
    r"\n## Wrong\n\n```(?P<language>\w+)\n(?P<wrong>.*?)\n```\n\n## Right\n\n```(?P=language)\n(?P<right>.*?)\n```\n"
    r"\n## Why it matters\n\n(?P<why>[^#]+)",
    re.DOTALL,
)


def page(code: str) -> re.Match[str]:
    text = Path(PAGES, f"{code}.md").read_text("utf-8")
    match = _PAGE.fullmatch(text)
    assert match is not None, f"the page of {code} has another shape"
    return match


def found(code: str, example: str) -> set[str]:
    source = Source(f"{code}.gts", page(code)[example])
    if code not in READERS:
        return {diagnostic.code for diagnostic in check(source).diagnostics}
    try:
        READERS[code](source)
    except GtsError as error:
        return {diagnostic.code for diagnostic in error.diagnostics}
    return set()


def test_there_is_a_page_for_each_code_and_no_other() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == CODES.keys()


@pytest.mark.parametrize("code", CODES)
def test_a_page_says_what_the_table_says(code: str) -> None:
    match = page(code)
    assert match["code"] == code
    assert match["title"] == CODES[code].title
    assert match["severity"] == CODES[code].severity.value


@pytest.mark.parametrize("code", sorted(CODES.keys() - ABOUT_COMMANDS))
def test_the_wrong_example_brings_it_about_and_nothing_else(code: str) -> None:
    assert found(code, "wrong") == {code}


@pytest.mark.parametrize("code", sorted(CODES.keys() - ABOUT_COMMANDS))
def test_the_right_example_is_clean(code: str) -> None:
    assert found(code, "right") == EXPECTED_BESIDES.get((code, "right"), set())


@pytest.mark.parametrize("code", sorted(ABOUT_COMMANDS))
def test_examples_of_commands_are_commands(code: str) -> None:
    match = page(code)
    assert match["language"] == "console"
    assert all(line.startswith("$ ") for line in f"{match['wrong']}\n{match['right']}".splitlines())
