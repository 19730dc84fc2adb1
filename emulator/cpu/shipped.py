"""Cost tables that ship with gtsdsl, and their names."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from emulator.cpu.reader import parse_table, read_table
from emulator.cpu.table import CostTable
from gtsdsl.source import Source

NONE = "none"
"""The name of no model: packets cost no processor time."""

_FOLDER = Path(__file__).parent / "tables"
_SUFFIX = ".toml"


@cache
def tables() -> tuple[str, ...]:
    """Return the names of all tables in alphabetical order, without `NONE`."""
    return tuple(sorted(path.stem for path in _FOLDER.glob(f"*{_SUFFIX}")))


def find_table(name: str) -> CostTable | None:
    """Return a table by its name, or that in a file of the user's own; None for `NONE`.

    A name comes before a file of the same name; write ``./NAME`` for the file.

    Raises:
        GtsError: the file cannot be read, or is not a cost table.
        KeyError: neither a table nor a file has this name.
    """
    if name == NONE:
        return None
    if name in tables():
        return parse_table(Source(name, (_FOLDER / (name + _SUFFIX)).read_text(encoding="utf-8")))
    if os.sep not in name and not Path(name).exists() and name != "-":
        raise KeyError(name)
    return read_table(name)
