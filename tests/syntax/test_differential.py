"""The driver and its scanner take what Lark takes, to the same nodes, and refuse what it refuses."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from lark.exceptions import UnexpectedInput

from gtsdsl.source import Source
from gtsdsl.syntax import parse, tables
from gtsdsl.syntax.strings import EscapeError
from tests.syntax import stock
from tests.syntax.texts import TEXTS

EXAMPLES = sorted(Path(__file__).parents[2].joinpath("examples").glob("**/*.dsl"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert repr(stock.ours(text)) == repr(stock.parse(text))


@pytest.mark.slow("parses hundreds of random texts twice")
@settings(max_examples=300)
@given(TEXTS)
def test_texts(text: str) -> None:
    assert_alike(text)


def assert_alike(text: str) -> None:
    try:
        expected = stock.parse(text)
    except (UnexpectedInput, EscapeError):
        assert parse(Source("<test>", text)).diagnostics, text
    else:
        assert repr(stock.ours(text)) == repr(expected), text


WORDS = (
    "a in else adjacency type def int if(a) for(;;) for(a while(a) return break true 1 1.5 "
    "'x' \"${a}\" = += ++ == < .. + - * -> ?: ? : || ! . , ; ( ) [ ] { } \n"
).split(" ")


@pytest.mark.parametrize("first", WORDS)
def test_all_short_texts(first: str) -> None:
    for second in WORDS:
        assert_alike(f"{first}{second}")
        for third in WORDS:
            assert_alike(f"{first} {second} {third}")


def test_longer_texts() -> None:
    chance = random.Random(8)  # noqa: S311 (no secret)
    for _ in range(5_000):
        words = chance.choices(WORDS, k=chance.randint(4, 9))
        assert_alike("".join(word + chance.choice(["", " "]) for word in words))


@pytest.mark.parametrize(
    "text",
    [
        "for(;;)c else(1)",
        "x = ++h",
        "(d)+--0",
        "for(e in5){}",
        "a in\n-3",
        "a = 1\n- 2",
        "a = [1\n- 2]",
        "a = b\n.c",
        "a = b ?\n c : d",
        "a = b\n ? c\n : d",
        "a { id = 'x' }\n.b",
        'a { id = "x" } + 1',
        'port { id = "x" }.y',
        'x = "a" + "b"',
        'x = "a"\n+ "b"',
        'x = "a" * 3',
        'x = "a"[0]',
        'x = "a" ? 1 : 2',
        'x = "a" // note\ny = 2',
        'x = "a"\n\n;; y = 2',
        "adjacency h1.p, l.src adjacency h2.p, l.dst",
        "adjacency h1.p, l.src + 1",
        "adjacency h1.p.q, l.src",
        "adjacency h1.p, l.src[0]",
        "adjacency h1.if, l.in",
        "type = 'x' type Star { }",
        "if (a)\n b = 'x'\nelse\n c = 'y'",
        "if (a) b = 'x' else c = 'y'",
        "for (x in xs) port { id = 'x' }",
        "host\n{ id = 'x' }",
        "int = 'x'",
        "in = 'x'",
        "def = 'x'",
        "\ufeffx = 'y'",
        "x = 'a';y = 'b'",
        "x='a'y='b'",
        "h { port { id = 'a' } port { id = 'b' } }",
        "++i",
        "i\n++j",
        "return\nx",
        "f(1)\n(2)",
        "x = f\n[1]",
        "m = [if: 1]",
        "x = 1.upto(3) { it }",
        "interface = 'x'",
        "intern = 'x'",
        "trueish = 'x'",
        "x = {\n}",
        "x = { -> 1 }",
        "x = { int a, b -> a }",
    ],
)
def test_corners(text: str) -> None:
    assert_alike(text)


def test_the_same_grammar_gives_the_same_tables() -> None:
    assert tables.load() == tables.make(tables.grammar_text())
