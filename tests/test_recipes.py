"""Every command of the recipes is run, and its output compared with the one that the page shows."""

from __future__ import annotations

import itertools
import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.test_readme import ROOT, run

PAGE = ROOT / "docs" / "recipes.md"
TOLERANCE_MS = 0.01 + 1e-9  # the difference of two floats is not exact
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_PARTS = re.compile(rf"({_NUMBER.pattern}|\s+)")


def recipes() -> Sequence[object]:
    """Return each section of the page with commands, and the topologies of the page up to there."""
    found, files = [], {}
    for section in re.split(r"^## ", PAGE.read_text(), flags=re.M)[1:]:
        title, _, body = section.partition("\n")
        for name, text in re.findall(r"^```(?:gts|toml|text)\n(?://|#) (\S+)\n(.*?)^```", body, re.M | re.S):
            files[name] = text
        shown = re.findall(r"^```console( varies)?\n(.*?)^```", body, re.M | re.S)
        assert shown, f"the recipe `{title}` shows no command"
        found.append(pytest.param(dict(files), shown, id=title))
    return found


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize(("files", "shown"), recipes())
def test_a_recipe_gives_what_it_shows(files: dict[str, str], shown: list[tuple[str, str]], tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    for varies, block in shown:
        for command, expected in sessions(block):
            done = run(["bash", "-c", command], tmp_path)
            roots = roots_of(command, files) if varies else 0
            assert difference(expected, done.stdout + done.stderr, roots=roots) == "", command


def roots_of(command: str, files: dict[str, str]) -> int:
    """Return how many times its root a count may differ from the one that the page shows.

    The seed draws what is lost. The kernel's own generator draws which bit is corrupted, so the page and this machine
    have two draws, whose difference is wider.
    """
    return 5 if any("corrupt =" in text for name, text in files.items() if name in command) else 3


def sessions(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block with their outputs; a command may have several lines (``> ``)."""
    found: list[tuple[str, str]] = []
    for command, output in re.findall(r"^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", block, re.M):
        found.append((command.replace("\n> ", "\n"), output))
    return found


def difference(expected: str, actual: str, *, roots: int) -> str:
    """Return what differs between two outputs, a line each; nothing if all of ``expected`` is there.

    ``…`` stands for any text, and alone in a line for any lines. Milliseconds may differ by 10 µs.

    ``roots`` is 0 if nothing varies. Otherwise, counts may differ by that many times their root, shares by 5 points,
    rates by a fifth, and other numbers by a tenth. The seed gives other losses after one packet more at the start, and
    another kernel acknowledges at other times.
    """
    lines = [line.rstrip() for line in actual.splitlines() if line.strip()]
    for skips, wanted in pieces(expected):
        while lines and skips and not is_like(wanted, lines[0], roots=roots):
            lines.pop(0)
        if not lines or not is_like(wanted, lines[0], roots=roots):
            return f"expected: {wanted}\nactual:   {(lines or ['nothing'])[0]}\n\n{actual}"
        lines.pop(0)
    return "" if not lines or expected.rstrip().endswith("\n…") else f"not expected: {lines[0]}\n\n{actual}"


def pieces(text: str) -> list[tuple[bool, str]]:
    """Return the lines of a text that are not empty, each with whether a line with ``…`` alone stands before it."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [(before == "…", line) for before, line in itertools.pairwise(["", *lines]) if line != "…"]


def is_like(wanted: str, actual: str, *, roots: int) -> bool:
    parts = [part for part in _PARTS.split(wanted) if part]
    match = re.fullmatch("".join(map(pattern_of, parts)), actual)
    numbers = [(number[0], wanted[number.end() :]) for number in _NUMBER.finditer(wanted)]
    return match is not None and all(
        number == found or is_near(number, found, rest, roots=roots)
        for (number, rest), found in zip(numbers, match.groups(), strict=True)
    )


def pattern_of(part: str) -> str:
    if _NUMBER.fullmatch(part):
        return f"({_NUMBER.pattern})"
    return r"\s+" if part.isspace() else re.escape(part).replace("…", ".*")


def is_near(wanted: str, actual: str, rest: str, *, roots: int) -> bool:
    """Return whether a number is near the one that the page shows, before the ``rest`` of its line."""
    off, size = abs(float(actual) - float(wanted)), float(wanted)
    if roots == 0:
        return off <= TOLERANCE_MS and re.match(r"[\d./]* ms\b", rest) is not None
    if re.match(r" ?%", rest):
        return off <= 5
    if re.match(r" [KMG]?bits/sec", rest):
        return off <= size / 5
    return off <= (roots * math.sqrt(size) if wanted.isdecimal() else size / 10)


def test_what_differs_is_found() -> None:
    shown = "rtt min/avg = 36.000/40.000 ms\n…\nlost 3\n"
    assert not difference(shown, "rtt min/avg = 36.004/40.000 ms\nmore\n\nlost  3\n", roots=0)
    assert difference(shown, "rtt min/avg = 36.020/40.000 ms\nmore\nlost 3\n", roots=0)
    assert difference(shown, "rtt min/avg = 36.000/40.000 ms\nlost 4\n", roots=0)
    assert not difference(shown, "rtt min/avg = 34.000/41.000 ms\nlost 4\n", roots=3)
    assert difference(shown, "rtt min/avg = 30.000/41.000 ms\nlost 4\n", roots=3)
    assert difference(shown, "rtt min/avg = 36.000/40.000 ms\nlost 3\nmore\n", roots=0)
    assert difference("lost 2%\n", "lost 8%\n", roots=3)
    assert difference("lost 100\n", "lost 131\n", roots=3)
    assert not difference("lost 100\n", "lost 131\n", roots=5)
    assert not difference("553 Kbits/sec\n", "480 Kbits/sec\n", roots=3)
    assert difference("553 Kbits/sec\n", "440 Kbits/sec\n", roots=3)
    assert difference("none\n", "", roots=3)
