"""The numbers in the pages' tables of limits are those of the code."""

from __future__ import annotations

import re

from gtsdsl.data import shipped
from gtsdsl.diagnostics import findings
from gtsdsl.evaluate import limits
from gtsdsl.formatting import MAX_FORMATTED
from gtsdsl.inputs.files import MAX_BYTES
from gtsdsl.model import values
from gtsdsl.syntax import parser


def _numbers(page: str, *, without: str) -> dict[str, list[int]]:
    """Return the numbers in the second column of a page's table of limits, by the first column."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page.partition(without)[2], re.MULTILINE)
    return {
        f"{what}": [int(number.replace(",", "")) for number in re.findall(r"[0-9][0-9,]*", f"{bound} {what}")]
        for what, bound in rows
        if re.search(r"[0-9]", bound)
    }


def test_the_language() -> None:
    page = shipped("docs", "language.md").read_text(encoding="utf-8")
    assert _numbers(page, without="## What a file cannot do") == {
        "the file": [MAX_BYTES // 2**20, parser.MAX_WORDS, parser.MAX_ADJACENCIES, parser.MAX_NESTING],
        "evaluation": [limits.MAX_STEPS, limits.MAX_CALLS, limits.MAX_NESTED_TESTBEDS],
        "a collection, a string, a number": [limits.MAX_COLLECTION, values.MAX_STRING, values.MAX_DIGITS],
        "made in all": [limits.MAX_ALLOCATION],
        "resources, ports and adjacencies": [limits.MAX_ELEMENTS, limits.RESOURCE_WEIGHT],
        "findings": [findings.MAX_FINDINGS, findings.MAX_FOUND],
        "`gtsdsl fmt`": [MAX_FORMATTED],
    }
    prose = " ".join(page.split())
    assert f"compares {limits.STEP_CHARACTERS} characters" in prose
    assert f"of a list as {limits.ITEM_COST} characters, an entry of a map as {limits.ENTRY_COST}" in prose


def test_the_diagnostic() -> None:
    page = shipped("docs", "diagnostics", "GTS012.md").read_text(encoding="utf-8")
    assert _numbers(page, without="at most") == {
        "steps of evaluation": [limits.MAX_STEPS],
        "resources, ports and adjacencies, where a resource counts as 4": [limits.MAX_ELEMENTS, limits.RESOURCE_WEIGHT],
        "items of a list, a map or a range": [limits.MAX_COLLECTION],
        "characters of a string, as it is written or made": [values.MAX_STRING],
        "characters that are made in all": [limits.MAX_ALLOCATION],
        "digits of a number": [values.MAX_DIGITS],
        "calls of methods and closures inside one another": [limits.MAX_CALLS],
        "testbeds inside testbeds": [limits.MAX_NESTED_TESTBEDS],
        "lists and maps inside one another": [limits.MAX_VALUE_DEPTH],
        "brackets inside one another": [parser.MAX_NESTING],
        "words of the text": [parser.MAX_WORDS],
        "adjacencies that the text spells out": [parser.MAX_ADJACENCIES],
        "mistakes that are looked for": [findings.MAX_FOUND],
        "words and signs of a text that is formatted": [MAX_FORMATTED],
    }
