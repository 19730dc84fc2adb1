"""Each question about each text has an answer, wherever the cursor is."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gtsdsl.lsp.analysis import Analysis, analyse
from gtsdsl.lsp.completion import complete
from gtsdsl.lsp.convert import completion, diagnostics, symbol
from gtsdsl.lsp.hover import hover
from gtsdsl.lsp.lines import Lines
from gtsdsl.lsp.navigation import definitions, references
from gtsdsl.lsp.outline import outline
from gtsdsl.lsp.rename import RenameError, rename
from tests.lsp.cursor import LOOP, MESH, NESTED

SEEDS = [
    MESH.replace("HERE", ""),
    LOOP,
    NESTED,
    'def make(a) { host { id = a } }\nT { make("x"); adjacency x.p, "x.q" }',
]
PIECES = st.one_of(
    st.sampled_from(
        "{ } ( ) [ ] ; , . = => -> .. ..< \" ' ${ $ // /* */ \n \r \u2028 adjacency type def for if else while".split(
            " "
        )
        + "in return host link port id location controller it true null 1 1.5 h1 h1.p1 .each .port( \\ \\u".split(" ")
        + ["\U0001f600", "\ud800", "\x00", "\ufeff"]
    ),
    st.text(max_size=3),
)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(PIECES) + text[at + draw(st.integers(0, 12)) :]
    return text


def ask_everything(text: str, offset: int, analysis: Analysis) -> None:
    lines = Lines(text)
    for number, proposal in enumerate(complete(text, offset, analysis)):
        assert 0 <= proposal.span.start <= proposal.span.end <= len(text)
        assert proposal.span.start <= offset
        completion(proposal, number, lines, snippets=True)
    if analysis.given_text != text:
        return
    hover(text, offset, analysis)
    for span in (*definitions(analysis, offset), *references(analysis, offset)):
        assert 0 <= span.start <= span.end <= len(text)
    with contextlib.suppress(RenameError):
        rename(analysis, offset, "zz9")
    for entry in outline(analysis.index):
        assert entry.extent.start <= entry.head.start <= entry.head.end <= entry.extent.end
        symbol(entry, lines)
    list(diagnostics(analysis.check_result.diagnostics, lines, "file:///x"))


@given(mutated(), st.integers(0, 10_000))
@settings(max_examples=300)
@example("\ufeffT { host { id = 'h' } }", 9)
@example("\ufeff", 0)
@example("{", 1)
@example('{"gts": 1', 3)
@example("T { adjacency \ud800.p, l.src }", 15)
def test_any_text(text: str, place: int) -> None:
    analysis = analyse(text, "<test>")
    analysis.prepare()
    ask_everything(text, place % (len(text) + 1), analysis)


@given(mutated(), mutated(), st.integers(0, 10_000))
@settings(max_examples=100)
def test_an_analysis_of_another_text(old: str, text: str, place: int) -> None:
    ask_everything(text, place % (len(text) + 1), analyse(old, "<test>"))


@pytest.mark.parametrize(
    "text",
    [
        "{" * 5_000,
        "T {" * 5_000,
        "T { x = " + "(" * 5_000,
        "T { x = " + "!" * 5_000 + "a }",
        "T { if (a) { } " + "else if (a) { } " * 900 + "}",
        "T { x = " + "a + " * 50_000 + "a }",
        "T { x = " + "a ? b : " * 900 + "a }",
        "T { adjacency " + "h1." * 20_000,
        'T { id = "' + "${a}" * 20_000 + '" }',
        'T { id = "' + "$" * 100_000,
        "T { id = '" + "\\" * 100_000,
        "/*" * 50_000,
        "//" * 50_000,
        "T { " + "[" * 50 + "]" * 50 + " }",
        "T { " + "def a = 1; " * 5_000 + "}",
        "a = " + "(\n" * 30_000,
        "," * 50_000 + "\n" * 1_000 + "," * 100,
        (",\n" * 50_000) + "x",
    ],
    ids=lambda text: f"{text[:20]!r}…",
)
def test_texts_that_are_made_to_hurt(text: str) -> None:
    analysis = analyse(text, "<test>")
    analysis.prepare()
    for offset in (0, 5, len(text) // 2, len(text) - 1, len(text)):
        ask_everything(text, offset, analysis)
