"""Findings of syntax errors: one sentence for each mistake, at its place, after which reading goes on."""

from __future__ import annotations

import pytest

from gtsdsl.loading import check
from gtsdsl.source import Source

RIGHT = """\
Pair {
  id = "p"
  host {
    id = "h1"
    port { id = "p1" }
  }
  host {
    id = "h2"
    port { id = "p1" }
  }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p1, l1.src
  adjacency h2.p1, l1.dst
}
"""


def findings(text: str) -> list[tuple[str, str, str]]:
    source = Source("<test>", text)
    found = []
    for diagnostic in check(source).diagnostics:
        assert diagnostic.place is not None
        line, column = source.position(source.span(diagnostic.place).start)
        found.append((diagnostic.code, f"{line}:{column}", diagnostic.message))
    return found


def hint(text: str) -> str | None:
    (diagnostic,) = check(Source("<test>", text)).diagnostics
    return diagnostic.hint


def test_the_text_is_right() -> None:
    assert findings(RIGHT) == []


@pytest.mark.parametrize(
    ("right", "wrong", "code", "place", "message"),
    [
        # braces
        ('    port { id = "p1" }\n  }', '    port { id = "p1" }', "GTS001", "3:8", "this `{` is never closed"),
        ('port { id = "p1" }', 'port { id = "p1"', "GTS001", "5:10", "this `{` is never closed"),
        ("l1.dst\n}\n", "l1.dst\n", "GTS001", "1:6", "this `{` is never closed"),
        ('"dst" } }', '"dst" }', "GTS001", "11:8", "this `{` is never closed"),
        ("host {", "host", "GTS001", "6:3", "this `}` closes nothing"),
        ("Pair {", "Pair", "GTS001", "14:1", "this `}` closes nothing"),
        ("  link", "  }\n  link", "GTS001", "11:3", "this `}` closes nothing"),
        ("l1.dst\n}", "l1.dst\n}\n}", "GTS001", "15:1", "this `}` closes nothing"),
        # other brackets
        ('id = "h1"', 'id = ("h1"', "GTS001", "5:5", "expected `)`, found `port`"),
        ('id = "h1"', 'id = ("h1"]', "GTS001", "4:15", "expected `)`, found `]`"),
        ('id = "h1"', 'id = "h1")', "GTS001", "4:14", "expected a statement or `}`, found `)`"),
        ("adjacency h1.p1, l1.src", "adjacency(h1.p1, l1.src", "GTS001", "13:3", "expected `)`, found `adjacency`"),
        ("  link", "  for (i in 1..2 { }\n  link", "GTS001", "11:18", "expected an operator or `)`, found `{`"),
        ("  link", "  if true { }\n  link", "GTS001", "11:6", "expected `(`, found `true`"),
        # strings
        ('"h1"', '"h1', "GTS001", "4:10", "this string is not closed on its line"),
        ('"h1"', "'h1", "GTS001", "4:10", "this string is not closed on its line"),
        ('"h1"', 'h1"', "GTS001", "4:12", "this string is not closed on its line"),
        ('"h1"', "\"h1'", "GTS001", "4:10", "this string is not closed on its line"),
        ('"h1"', r'"h\q1"', "GTS001", "4:12", "`\\q` is no escape"),
        ('"h1"', r'"h\ud8001"', "GTS001", "4:10", "half of a surrogate pair is no character"),
        # values, signs
        ('id = "h1"', "id =", "GTS018", "5:5", "`port { … }` is no value"),
        ('"p1" }', "}", "GTS001", "5:17", "expected a value, found `}`"),
        ('id = "h1"', 'id "h1"', "GTS018", "4:5", "`id` alone does nothing"),
        ('id = "h1"', 'id == "h1"', "GTS018", "4:5", "a value that stands alone does nothing"),
        ('id = "h1"', 'id: "h1"', "GTS001", "4:7", "expected a statement or `}`, found `:`"),
        ('id = "h1"', 'id = "h1",', "GTS001", "4:14", "expected a statement or `}`, found `,`"),
        ("h1.p1, l1.src", "h1.p1 l1.src", "GTS001", "12:19", "expected `,`, found `l1`"),
        ("h1.p1, l1.src", "h1.p1", "GTS001", "12:18", "expected `,`, found the end of the line"),
        ("h1.p1, l1.src", "h1 p1, l1.src", "GTS001", "12:16", "expected `,`, found `p1`"),
        ("h1.p1, l1.src", "h1., l1.src", "GTS001", "12:16", "expected a name, found `,`"),
        ("adjacency h1.p1", "adjacncy h1.p1", "GTS001", "12:17", "expected a statement or `}`, found `,`"),
        # what is no word
        ('id = "h1"', '@id = "h1"', "GTS001", "4:5", "`@` is no part of the language"),
        ("  link", "  # note\n  link", "GTS001", "11:3", "`#` is no part of the language"),
        ('id = "h1"', "id = “h1”", "GTS001", "4:10", "`“` is no part of the language"),
        ("  link", "  /* link", "GTS001", "11:3", "this comment is never closed"),
        # words
        ("Pair {", "typ Pair {", "GTS010", "1:1", "`typ` is not defined here"),
        ("Pair {", "type 5 {", "GTS001", "1:8", "expected a statement, found `{`"),
    ],
)  # fmt: skip
def test_one_mistake_is_one_finding(right: str, wrong: str, code: str, place: str, message: str) -> None:
    assert right in RIGHT
    assert findings(RIGHT.replace(right, wrong, 1)) == [(code, place, message)]


@pytest.mark.parametrize(
    ("right", "wrong", "expected"),
    [
        ("adjacency h1.p1", "adjacncy h1.p1", "did you mean `adjacency`?"),
        ('id = "h1"', 'id "h1"', "to set it: `id = …`"),
        ('id = "h1"', 'id == "h1"', "a value is given with one `=`"),
        ('id = "h1"', 'id: "h1"', "a value is given with `=`: `id = …`"),
        ('id = "h1"', "id =", "is a value missing after `=`?"),
        ("host {", "host", "is a `{` missing before it?"),
    ],
)
def test_hints(right: str, wrong: str, expected: str) -> None:
    assert hint(RIGHT.replace(right, wrong, 1)) == expected


FIVE = """\
Pair {
  id =
  host { id = "h1" location = }
  host { id = "h2", }
  link { id = 'l1 }
  adjacency h1.p1 l1.src
  adjacency h1.p1, l1.src
  location = @
}
"""


def test_a_file_with_five_mistakes_shows_five() -> None:
    assert [(code, place) for code, place, _ in findings(FIVE)] == [
        ("GTS039", "3:3"),
        ("GTS001", "3:31"),
        ("GTS001", "4:19"),
        ("GTS001", "5:15"),
        ("GTS001", "6:19"),
        ("GTS001", "8:14"),
    ]


def test_mistakes_on_neighbouring_lines() -> None:
    text = "T {\n" + "  host { id = }\n" * 5 + "}\n"
    assert [place for _, place, _ in findings(text)] == [f"{line}:15" for line in range(2, 7)]


def test_mistakes_of_all_kinds_together() -> None:
    text = RIGHT.replace("host {", "host { locaton = 'AMS'", 1).replace('id = "l1"', 'id = "l1"; bandwidth = -5')
    text = text.replace("h2.p1, l1", "h2.p1 l1").replace('id = "h2"', 'id = "h2"; location = 1 / 0')
    assert [code for code, _, _ in findings(text)] == ["GTS030", "GTS013", "GTS036", "GTS001"]


_FRAGMENTS = """
{ } ( ) [ ] " ' /* = T{ T{x= T{x=( type def T{if T{for( adjacency "${ \\ T{x=[ T{x=[a: T{f( T{x. else T}{ \x00 😀
""".split()


@pytest.mark.parametrize("text", _FRAGMENTS)
def test_a_text_that_ends_early_or_is_nothing_has_findings(text: str) -> None:
    assert 1 <= len(check(Source("<test>", text)).diagnostics) <= 2
