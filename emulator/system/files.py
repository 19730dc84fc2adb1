"""Contents of files: replaced whole, and known by a hash."""

from __future__ import annotations

import hashlib
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Replace a file at once, so that no reader sees a part of it."""
    new = path.with_name(f".{path.name}")
    new.write_text(text)
    new.replace(path)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
