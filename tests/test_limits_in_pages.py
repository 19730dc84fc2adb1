"""The numbers in the pages' tables of bounds are those of the code."""

from __future__ import annotations

import re

from gtsdsl.data import shipped
from gtsdsl.diagnostics import findings
from gtsdsl.evaluate import limits as bounds
from gtsdsl.formatting import MAX_LAID_OUT
from gtsdsl.inputs.files import MAX_BYTES
from gtsdsl.model import values
from gtsdsl.syntax import parser, strings


def _numbers(page: str, *, without: str) -> dict[str, list[int]]:
    """The numbers in the second column of a page's table of bounds, by the first column."""
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
        "evaluation": [bounds.MAX_STEPS, bounds.MAX_CALLS, bounds.MAX_TYPES],
        "a collection, a string, a number": [bounds.MAX_COLLECTION, values.MAX_STRING, values.MAX_DIGITS],
        "made in all": [bounds.MAX_MADE],
        "resources, ports and adjacencies": [bounds.MAX_ELEMENTS, bounds.RESOURCE_WEIGHT],
        "findings": [findings.MAX_FINDINGS, findings.MAX_FOUND],
        "`gtsdsl fmt`": [MAX_LAID_OUT],
    }
    assert f"compares {bounds.STEP_CHARACTERS} characters" in page
    assert f"of a list as {bounds.ITEM_COST} characters, an entry of a map as {bounds.ENTRY_COST}" in page


def test_the_diagnostic() -> None:
    page = shipped("docs", "diagnostics", "GTS012.md").read_text(encoding="utf-8")
    assert values.MAX_STRING == strings.MAX_STRING
    assert _numbers(page, without="at most") == {
        "steps of evaluation": [bounds.MAX_STEPS],
        "resources, ports and adjacencies, where a resource counts as 4": [bounds.MAX_ELEMENTS, bounds.RESOURCE_WEIGHT],
        "items of a list, a map or a range": [bounds.MAX_COLLECTION],
        "characters of a string, as it is written or made": [values.MAX_STRING],
        "characters that are made in all": [bounds.MAX_MADE],
        "digits of a number": [values.MAX_DIGITS],
        "methods and closures that wait for one another": [bounds.MAX_CALLS],
        "testbeds inside testbeds": [bounds.MAX_TYPES],
        "lists and maps inside one another": [bounds.MAX_DEPTH],
        "brackets inside one another": [parser.MAX_NESTING],
        "words of the text": [parser.MAX_WORDS],
        "adjacencies that the text spells out": [parser.MAX_ADJACENCIES],
        "mistakes that are looked for": [findings.MAX_FOUND],
        "words and signs of a text that is formatted": [MAX_LAID_OUT],
    }
