"""Each limit: a source that passes it gets an error with the number and the place, in little time and memory."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from gtsdsl.evaluate import limits
from gtsdsl.loading import check
from gtsdsl.model import values
from gtsdsl.source import Source
from gtsdsl.syntax import parser

GIB = 2**30


def found(text: str) -> list[tuple[str, str, str]]:
    source = Source("<test>", text)
    result = []
    for diagnostic in check(source).diagnostics:
        assert diagnostic.place is not None
        line, column = source.position(source.span(diagnostic.place).start)
        result.append((diagnostic.code, f"{line}:{column}", diagnostic.message))
    return result


def test_the_numbers() -> None:
    assert (limits.MAX_STEPS, limits.MAX_ALLOCATION, limits.MAX_ELEMENTS) == (10_000_000, 200_000_000, 1_000_000)
    assert (limits.MAX_COLLECTION, values.MAX_STRING, values.MAX_DIGITS) == (1_000_000, 100_000, 100)
    assert (limits.MAX_CALLS, limits.MAX_NESTED_TESTBEDS, limits.MAX_VALUE_DEPTH) == (50, 20, 20)
    assert (limits.MAX_FINDINGS, parser.MAX_SYNTAX_ERRORS) == (100, 100)
    assert (parser.MAX_NESTING, parser.MAX_UNFINISHED, parser.MAX_WORDS) == (100, 1_000, 1_000_000)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("def f(n) { f(n + 1) }\nx = f(0)", "2:12", "more than 50 calls of methods and closures are nested"),
        ("def f = null\nf = { f() }\nf()", "3:7", "more than 50 calls of methods and closures are nested"),
        ("def l = [1]\n30.times { l = l + l }", "3:12", "a collection has more than 1000000 items"),
        ("x = 1..2000000", "2:1", "a collection has more than 1000000 items"),
        ("2000000.times { }", "2:1", "a loop runs more than 1000000 times"),
        ("1.upto(99999999999999999999) { }", "2:1", "a loop runs more than 1000000 times"),
        ("def s = 'a'\n30.times { s += s }", "3:12", "a string has more than 100000 characters"),
        ("x = 'a' * 100001", "2:1", "a string has more than 100000 characters"),
        ("def n = 10\n30.times { n = n * n }", "3:12", "a number has more than 100 digits"),
        ("def n = 0.1\n30.times { n = n * n }", "3:12", "a number has more than 100 digits"),
        ("def l = [1]\n30.times { l = [l] }\nx = l", "4:1", "lists and maps are nested more than 20 deep"),
        ("def l = [1]\n30.times { l = [l] }\nx = \"$l\"", "4:1", "lists and maps are nested more than 20 deep"),
        ("def l = [1]\n30.times { l = [l, l] }\nx = l == [l]", "4:1", None),
        (f"x = {'9' * 101}", "2:5", "a number may have 100 digits, this one has 101"),
        (f"x = '{'a' * 100_001}'", "2:5", "a string has more than 100000 characters"),
        (f"x = {'(' * 101}1{')' * 101}", "2:103", "brackets are nested more than 100 deep"),
        (f"x = {'!' * 1001}1", "2:1001", "more than 1000 constructs are unfinished here"),
    ],
)  # fmt: skip
def test_a_limit_has_a_number_and_a_place(text: str, place: str, message: str | None) -> None:
    findings = [each for each in found(f"T {{\n{text}\n}}") if each[0] == "GTS012"]
    assert findings == ([("GTS012", place, message)] if message else [])


def test_testbeds_inside_testbeds() -> None:
    types = "".join(f"type T{number} {{ T{number + 1} {{ id = 'a' }} }}\n" for number in range(25))
    assert found(f"{types}type T25 {{ }}")[0][::2] == ("GTS012", "testbeds are nested more than 20 deep")


def test_many_mistakes_are_not_all_told() -> None:
    errors = found("T {\n" + "x = = \n" * 500 + "}")
    assert len(errors) == 101
    assert errors[-1][2] == "too many errors: the rest of the text was not read"
    assert (
        len(
            [
                each
                for each in found("T {\n" + "".join(f"x{number} = y\n" for number in range(500)) + "}")
                if each[0] == "GTS010"
            ]
        )
        == 100
    )


@pytest.mark.parametrize("width", ["0", "1 - 1"])
def test_a_step_of_zero(width: str) -> None:
    assert ("GTS013", "2:7", "a step of zero never ends") in found(f"T {{\n(1..3).step({width})\n}}")


SLOW = {
    "a loop without an end": (
        "'T { while (true) { } }'",
        "evaluation takes more than 10000000 steps; does a loop never end?",
    ),
    "ever more mistakes": (
        "'T { while (true) { host { id = x } } }'",
        "more than 1000000 resources, ports and adjacencies",
    ),
    "ever more resources": (
        '\'T { def s = "x" * 500\\n(1..1000000).each { host { id = "$s$it" } } }\'',
        "more than 200000000 characters and items are made in all",
    ),
    "all memory": (
        "'T { def m = [:]\\n1000.times { m[\"k$it\"] = (1..500000) + (1..500000) } }'",
        "evaluation takes more than 10000000 steps",
    ),
    "semicolons": ("';' * 2**21", "the text has more than 1000000 words"),
    "comments that begin": ("'/*' * 2**22 + 'x'", "the text has more than 1000000 words"),
    "quotes": ("'\"' * 2**23 + '\"'", "the text has more than 1000000 words"),
    "ever more braces": ("'h{' * 2**22", "brackets are nested more than 100 deep"),
    "dollars": ("'T { id = \"' + '$' * 2**23 + '\" }'", "a string has more than 100000 characters"),
    "adjacencies": ("'T {' + 'adjacency a.b,c.d\\n' * 880_000 + '}'", "the text has more than 500000 adjacencies"),
    "what recovery reads": ("'=(\\n\"\\n' * 2**21", "the text has more than 1000000 words"),
    "comments behind an error": ("'=\\n' + '= /*\\n' * 2**21", "expected a statement, found `=`"),
    "braces on a line": ("'T {' + 'h{}' * 300_000", "this `{` is never closed"),
    "blocks at the top": ("'h{}' * 300_000", "is a root type, and so is"),
    "one line": ("'T { x = 1' + '+1' * 2**21 + ' }'", "the text has more than 1000000 words"),
}
"""Programs that make a text, and what is said of it."""

_CHILD = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2**30, 2**30))
from gtsdsl.diagnostics.text import render
from gtsdsl.loading import check
from gtsdsl.source import Source
print(render(check(Source("<test>", eval(sys.argv[1]))).diagnostics, color=False))
"""


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
@pytest.mark.slow("evaluates up to each limit")
@pytest.mark.parametrize("name", SLOW)
def test_it_ends_in_less_than_a_gibibyte(name: str) -> None:
    text, message = SLOW[name]
    result = subprocess.run(
        [sys.executable, "-c", _CHILD, text], capture_output=True, text=True, timeout=300, check=False
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert message in result.stdout
