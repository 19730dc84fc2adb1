"""Compare an output with the file that holds what it was when it was last looked at."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent.parent / "golden"


def matches(name: str, text: str) -> None:
    """Fail if a text is not that of a golden file. With GTSDSL_GOLDEN=write in the environment, write the file."""
    path = FOLDER / name
    if os.environ.get("GTSDSL_GOLDEN") == "write":
        path.write_text(text, encoding="utf-8", newline="")
    with path.open(encoding="utf-8", newline="") as file:
        assert text == file.read()
