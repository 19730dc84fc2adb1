"""Presets: benchmarks that ship with gtsdsl, each a TOML file beside its topologies, for ``--like``."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from emulator.system.errors import UnknownNameError
from gtsdsl.text import did_you_mean, printable

_FOLDER = Path(__file__).parent
_SUFFIX = ".toml"


@cache
def presets() -> tuple[str, ...]:
    """Return the names of all presets in alphabetical order."""
    return tuple(sorted(path.stem for path in _FOLDER.glob(f"*{_SUFFIX}")))


def preset(name: str) -> Path:
    """Return the file of a preset.

    Raises:
        UnknownNameError: no preset has this name.
    """
    if name not in presets():
        near = did_you_mean(name, list(presets())) or "the only one is " + ", ".join(presets())
        raise UnknownNameError(f"--like: there is no benchmark {printable(name, 80)}; {near}")
    return _FOLDER / (name + _SUFFIX)
