"""The page of troubleshooting: each message that it explains is in the code."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MESSAGES = re.findall(r"^### `(.*)`$", (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8"), re.MULTILINE)


@cache
def texts() -> str:
    """All texts of the code: a formatted value is an ellipsis, and a line feed stands between two texts."""
    found = [(ROOT / "Makefile").read_text(encoding="utf-8")]
    for package in ("gtsdsl", "emulator"):
        for path in ROOT.joinpath(package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.JoinedStr):
                    parts = (str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                    found.append("".join(parts))
                elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                    found.append(node.value)
    return "\n".join(found)


def test_the_page_explains_messages() -> None:
    assert len(MESSAGES) > 20
    assert len(MESSAGES) == len(set(MESSAGES))


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_in_the_code(message: str) -> None:
    for part in (part.strip() for part in message.split("…")):
        assert part in texts(), part
