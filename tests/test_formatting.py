"""Laying out a text: the same statements, the same comments, and a second time nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gtsdsl.diagnostics import GtsError
from gtsdsl.formatting import format_text
from gtsdsl.source import Source
from gtsdsl.syntax import parse
from gtsdsl.syntax.scanner import all_tokens
from tests.syntax.texts import TEXTS

EXAMPLES = sorted(Path(__file__).parents[1].joinpath("examples").glob("**/*.dsl"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n", ""),
        ("// note", "// note\n"),
        ("T{}", "T {}\n"),
        ("T {\n}", "T {}\n"),
        ('T{id="x"}', 'T { id = "x" }\n'),
        ('T{\nid="x"\n}', 'T {\n  id = "x"\n}\n'),
        ('T {\nid="x" location="AMS"\n}', 'T {\n  id = "x"\n  location = "AMS"\n}\n'),
        ('T {\nid="x";location="AMS";\n}', 'T {\n  id = "x"\n  location = "AMS"\n}\n'),
        ('T { id="x" location="AMS" }', 'T { id = "x"; location = "AMS" }\n'),
        ("T {\n\n\n\na = 1\n\n\n\nb = 2\n\n\n}", "T {\n  a = 1\n\n  b = 2\n}\n"),
        ("T {\n// one\na = 1 // two\n/* three */ b = 2\n// four\n}", "T {\n  // one\n  a = 1  // two\n  /* three */\n  b = 2\n  // four\n}\n"),  # noqa: E501 (a case a line)
        ("T {\nadjacency   a.b ,c.d\n}", "T {\n  adjacency a.b, c.d\n}\n"),
        ("T {\nadjacency(a.b,c.d)\n}", "T {\n  adjacency(a.b, c.d)\n}\n"),
        ("T {\nx=1+2*-3\n}", "T {\n  x = 1 + 2 * -3\n}\n"),
        ("T {\nx=a?b:c\ny=[a:1,b:2]\n}", "T {\n  x = a ? b : c\n  y = [a: 1, b: 2]\n}\n"),
        ("T {\nx=!a&&b||c?:d\n}", "T {\n  x = !a && b || c ?: d\n}\n"),
        ("T {\nfor(i in 0..<n){x++}\n}", "T {\n  for (i in 0..<n) { x++ }\n}\n"),
        ("T {\nif(a)b=1\nelse c=2\n}", "T {\n  if (a) b = 1\n  else c = 2\n}\n"),
        ("T {\nif(a){\nb=1\n}\nelse{\nc=2\n}\n}", "T {\n  if (a) {\n    b = 1\n  } else {\n    c = 2\n  }\n}\n"),
        ("T {\n(1..n).each{i->\nhost{id=\"h${ i }\"}\n}\n}", 'T {\n  (1..n).each { i ->\n    host { id = "h${ i }" }\n  }\n}\n'),  # noqa: E501 (a case a line)
        ("type T(n=5,int m=2){\n}", "type T(n = 5, int m = 2) {}\n"),
        ("T {\nx = [\n1,\n2\n]\n}", "T {\n  x = [\n    1,\n    2\n  ]\n}\n"),
        ("T {\nx = a +\nb\n}", "T {\n  x = a +\n    b\n}\n"),
        ("T\n{\na = 1\n}", "T {\n  a = 1\n}\n"),
        ("T {\r\na=1\r\n}", "T {\r\n  a = 1\r\n}\r\n"),
        ("def f( a,b=2 ){a+b}\nT {}", "def f(a, b = 2) { a + b }\nT {}\n"),
    ],
)  # fmt: skip
def test_layout(text: str, expected: str) -> None:
    assert format_text(text) == expected


def test_what_fits_stays_on_its_line_and_what_does_not_is_broken() -> None:
    short = 'T {\n  host { id = "h"; location = "AMS"; port { id = "p" } }\n}\n'
    assert format_text(short) == short
    ports = "; ".join(f'port {{ id = "p{number}" }}' for number in range(9))
    lines = format_text(f"T {{\n  host {{ {ports} }}\n}}\n").splitlines()
    assert lines[:3] == ["T {", "  host {", '    port { id = "p0" }']
    assert len(lines) == 13


def test_a_text_with_syntax_errors_is_refused() -> None:
    with pytest.raises(GtsError) as caught:
        format_text("T { id = }", "x.dsl")
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, diagnostic.source.name) == ("GTS001", "x.dsl")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples_are_laid_out(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert format_text(text) == text


_COMMENTS = st.sampled_from([" /* one */ ", " // two\n", "/*three\nlines*/", "\n// four // five\n", "/**/"])


@st.composite
def _commented(draw: st.DrawFn) -> str:
    """Draw a text with comments between its words. A comment that adds a line end may change the statements."""
    text = draw(TEXTS)
    words = list(all_tokens(text))
    at = draw(st.lists(st.integers(0, len(words)), max_size=4))
    pieces = [word.text for word in words]
    for place in sorted(at, reverse=True):
        pieces.insert(place, draw(_COMMENTS))
    return "".join(pieces)


def _tree(text: str) -> object:
    """Return the nodes of a text without their locations."""

    def bare(node: object) -> object:
        if not isinstance(node, tuple):
            return node
        fields = getattr(node, "_fields", ())
        inner = [bare(part) for name, part in zip(fields or node, node, strict=False) if name not in ("start", "end")]
        return (type(node).__name__, *inner) if fields else tuple(bare(part) for part in node)

    parsed = parse(Source("<test>", text))
    assert not parsed.diagnostics
    return bare(parsed.body)


@settings(max_examples=100)
@given(_commented())
def test_any_text(text: str) -> None:
    try:
        laid_out = format_text(text)
    except GtsError:
        return
    assert format_text(laid_out) == laid_out
    assert _tree(laid_out) == _tree(text)
    assert _comments(laid_out) == _comments(text)
    if "\r\n" in text:
        assert "\n" not in laid_out.replace("\r\n", "")


def _comments(text: str) -> list[str]:
    return [" ".join(word.text.split()) for word in all_tokens(text) if word.kind == "COMMENT"]
