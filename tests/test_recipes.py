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
TOLERANCE_MS = 0.01
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
            assert difference(expected, done.stdout + done.stderr, varies=bool(varies)) == "", command


def sessions(block: str) -> list[tuple[str, str]]:
    """Return the commands of a block with their outputs; a command may have several lines (``> ``)."""
    found: list[tuple[str, str]] = []
    for command, output in re.findall(r"^\$ (.*(?:\n> .*)*)\n((?:(?!\$ ).*\n)*)", block, re.M):
        found.append((command.replace("\n> ", "\n"), output))
    return found


def difference(expected: str, actual: str, *, varies: bool) -> str:
    """Return what differs between two outputs, a line each; nothing if all of ``expected`` is there.

    ``…`` stands for any text, and alone in a line for any lines. Milliseconds may differ by 10 µs. With ``varies``,
    shares may differ by 5 points, counts by three times their root, and other numbers by a tenth: another kernel, or
    one packet more at the start, and the seed gives other losses.
    """
    lines = [line.rstrip() for line in actual.splitlines() if line.strip()]
    for skips, wanted in pieces(expected):
        while lines and skips and not is_like(wanted, lines[0], varies=varies):
            lines.pop(0)
        if not lines or not is_like(wanted, lines[0], varies=varies):
            return f"expected: {wanted}\nactual:   {(lines or ['nothing'])[0]}\n\n{actual}"
        lines.pop(0)
    return "" if not lines or expected.rstrip().endswith("\n…") else f"not expected: {lines[0]}\n\n{actual}"


def pieces(text: str) -> list[tuple[bool, str]]:
    """Return the lines of a text that are not empty, each with whether a line with ``…`` alone stands before it."""
    lines = [line.rstrip() for line in text.splitlines() if line.strip()]
    return [(before == "…", line) for before, line in itertools.pairwise(["", *lines]) if line != "…"]


def is_like(wanted: str, actual: str, *, varies: bool) -> bool:
    parts = [part for part in _PARTS.split(wanted) if part]
    match = re.fullmatch("".join(map(pattern_of, parts)), actual)
    numbers = [(number[0], wanted[number.end() :]) for number in _NUMBER.finditer(wanted)]
    return match is not None and all(
        number == found or is_near(number, found, rest, varies=varies)
        for (number, rest), found in zip(numbers, match.groups(), strict=True)
    )


def pattern_of(part: str) -> str:
    if _NUMBER.fullmatch(part):
        return f"({_NUMBER.pattern})"
    return r"\s+" if part.isspace() else re.escape(part).replace("…", ".*")


def is_near(wanted: str, actual: str, rest: str, *, varies: bool) -> bool:
    """Return whether a number is near the one that the page shows, before the ``rest`` of its line."""
    off, size = abs(float(actual) - float(wanted)), float(wanted)
    if not varies:
        return off <= TOLERANCE_MS and re.match(r"[\d./]* ms\b", rest) is not None
    if re.match(r" ?%", rest):
        return off <= 5
    return off <= (3 * math.sqrt(size) if wanted.isdecimal() else size / 10)


def test_what_differs_is_found() -> None:
    shown = "rtt min/avg = 36.000/40.000 ms\n…\nlost 3\n"
    assert not difference(shown, "rtt min/avg = 36.004/40.000 ms\nmore\n\nlost  3\n", varies=False)
    assert difference(shown, "rtt min/avg = 36.020/40.000 ms\nmore\nlost 3\n", varies=False)
    assert difference(shown, "rtt min/avg = 36.000/40.000 ms\nlost 4\n", varies=False)
    assert not difference(shown, "rtt min/avg = 34.000/41.000 ms\nlost 4\n", varies=True)
    assert difference(shown, "rtt min/avg = 30.000/41.000 ms\nlost 4\n", varies=True)
    assert difference(shown, "rtt min/avg = 36.000/40.000 ms\nlost 3\nmore\n", varies=False)
    assert difference("lost 2%\n", "lost 8%\n", varies=True)
    assert difference("none\n", "", varies=True)
