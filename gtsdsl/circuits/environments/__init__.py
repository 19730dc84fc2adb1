"""Environments: files of circuits that ship with gtsdsl, each with its sources, for ``--environment``."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from gtsdsl.circuits.custom import parse_circuits, read_circuits
from gtsdsl.circuits.model import Circuits
from gtsdsl.source import Source

_FOLDER = Path(__file__).parent
_SUFFIX = ".json"


@cache
def environments() -> tuple[str, ...]:
    """Return the names of all environments in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob(f"*{_SUFFIX}")))


def environment(name: str) -> Circuits:
    """Return an environment by its name, or that in a file of the user's own, in the format of circuits.

    A name comes before a file of the same name; write ``./NAME`` for the file.

    Raises:
        GtsError: the file cannot be read, or is not a file of circuits.
        KeyError: neither an environment nor a file has this name.
    """
    if name in environments():
        text = (_FOLDER / (name + _SUFFIX)).read_text(encoding="utf-8")
        return parse_circuits(Source(f"the environment {name}", text))
    if os.sep not in name and not Path(name).exists():
        raise KeyError(name)
    return read_circuits(name)
