"""The page on security: each promise names tests, and they are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_promise_names_tests_that_are_there() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| promise \| test \|\n\| --- \| --- \|\n((?:\|.*\n)+)", page, re.MULTILINE)
    rows = "".join(tables).splitlines()
    assert len(rows) > 20
    for row in rows:
        match = re.fullmatch(r"\| [A-Z`].*\. \| ((?:`tests/[\w/]+\.py`(?:, )?)+) \|", row)
        assert match, row
        for name in re.findall(r"`(.*?)`", match[1]):
            assert (ROOT / name).is_file(), row


def test_each_part_says_what_is_not_promised() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    parts = [part for part in page.split("\n## ")[1:] if "| promise |" in part]
    assert len(parts) == 7
    assert [part.split("\n")[0] for part in parts if "### What is not promised" not in part] == []
