"""Files that other processes read while they change."""

from __future__ import annotations

from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file at once, so that no reader sees a part of it."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.replace(path)
