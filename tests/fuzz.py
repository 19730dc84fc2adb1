"""Broken copies of the shipped examples, through everything that reads them: no traceback may come out.

`python -m tests.fuzz --seconds 600 --seed 1` goes on for ten minutes and prints each text that brings about more than
findings. tests/test_fuzz.py does a little of the same.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from gtsdsl.diagnostics import GtsError
from gtsdsl.diagnostics.text import render
from gtsdsl.formatting import format_text
from gtsdsl.loading import check
from gtsdsl.source import Source
from gtsdsl.syntax import parse
from gtsdsl.syntax.scanner import all_tokens
from gtsdsl.targets import FORMATS, compile_to
from tests.hostile import HOSTILE_IDS

EXAMPLES = [
    path.read_text(encoding="utf-8")
    for path in sorted(Path(__file__).parents[1].joinpath("examples").glob("**/*.dsl"))
    if path.stat().st_size < 10_000  # the longer ones hold nothing that these do not
]
_WORDS = """
{ } ( ) [ ] , ; : . = + - * / % ! ? ?: -> .. ..< && || == != < > <= >= ++ -- += -= " ' \\ $ ${ // /* */ @ # ~ \n \r\n \t
\ufeff \x00 \u2028 id host port link type def int List if else for in while return break continue adjacency true null it
0 1 -1 1.5 999999999999999999 "x" 'x' "${it}" "${id}" "h$i.p" [:] [1] [a:1] (1..3) (0..<n) .each .collect .times .port
.size() .step(0) .join() { -> } { it } {it->it} new import System controller mode location Island vsi ofx id= parameters
""".split(" ")


def mutated(text: str, chance: random.Random) -> str:
    """Return the text with one to four mistakes in it."""
    for _ in range(chance.randint(1, 4)):
        text = chance.choice(_MUTATIONS)(text, chance)
    return text


def _characters(text: str, chance: random.Random) -> str:
    start = chance.randint(0, len(text))
    behind = min(len(text), start + chance.choice([0, 1, 1, 1, 2, 10]))
    put = chance.choice(["", chr(chance.choice([0, 9, 10, 13, 34, 36, 39, 92, 123, 125, 0x202E, 0x1F600]))])
    return text[:start] + put + text[behind:]


def _a_byte(text: str, chance: random.Random) -> str:
    data = bytearray(text.encode("utf-8", "replace"))
    if data:
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data.decode("utf-8", "replace")


def _pieces(split: Callable[[str], list[str]]) -> Callable[[str, random.Random], str]:
    """Delete, double, exchange or replace one of the pieces that a text consists of."""

    def change(text: str, chance: random.Random) -> str:
        pieces = split(text)
        if not pieces:
            return chance.choice(_WORDS)
        at, other = chance.randrange(len(pieces)), chance.randrange(len(pieces))
        match chance.randrange(5):
            case 0:
                del pieces[at]
            case 1:
                pieces.insert(at, pieces[at])
            case 2:
                pieces[at], pieces[other] = pieces[other], pieces[at]
            case 3:
                pieces[at] = pieces[other]
            case _:
                pieces[at] = chance.choice([*_WORDS, f'"{chance.choice(HOSTILE_IDS)}"'])
        return "".join(pieces)

    return change


_MUTATIONS = (
    _characters,
    _a_byte,
    _pieces(lambda text: [word.text for word in all_tokens(text)]),
    _pieces(lambda text: [word.text for word in all_tokens(text)]),
    _pieces(lambda text: text.splitlines(keepends=True)),
)


def go_through(text: str) -> None:
    """Take a text through check, fmt and all targets, and hold each to what it promises.

    Raises:
        Exception: something else than what is documented came out.
    """
    source = Source("<fuzz>", text)
    checked = check(source)
    render(checked.diagnostics, color=True)
    try:
        laid_out = format_text(text)
    except GtsError:
        assert parse(source).diagnostics
    else:
        assert format_text(laid_out) == laid_out
    if checked.testbed is None or checked.has_errors:
        return
    written: dict[str, str] = {}
    for target in FORMATS:
        try:
            written[target] = compile_to(checked.testbed, target)
        except ValueError as problem:
            assert len(str(problem).splitlines()) == 1  # noqa: PT017 (a sentence for the user)
    for target in ("dsl", "gts-json"):
        again = check(Source(f"<{target}>", written[target])).testbed
        assert again is not None
        assert compile_to(again, "gts-json") == written["gts-json"], f"{target} does not read back"


def texts(seed: int) -> Iterator[str]:
    """Broken examples without end; the same seed gives the same ones."""
    chance = random.Random(seed)  # noqa: S311 (no secret)
    while True:
        yield mutated(chance.choice(EXAMPLES), chance)


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60)
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    end = time.monotonic() + given.seconds
    count = failures = 0
    for text in texts(given.seed):
        if time.monotonic() > end:
            break
        count += 1
        started = time.monotonic()
        try:
            go_through(text)
        except Exception:
            failures += 1
            print(f"---- {text!r}\n{traceback.format_exc()}", flush=True)
        if time.monotonic() - started > 10:
            failures += 1
            print(f"---- took {time.monotonic() - started:.0f} s: {text!r}", flush=True)
    print(f"{count} texts, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
