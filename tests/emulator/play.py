"""Run a scenario, a function of a module of the tests, in a process of its own: `python -m tests.emulator.play`.

A scenario is code that mypy checks and a rename reaches, as a program in a string is not.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

from tests.emulator.samples import ROOT


def command_of(scenario: Callable[..., object], *arguments: object) -> list[str]:
    """Return the command that calls a scenario with arguments, as texts, in any folder and as any user."""
    name = f"{scenario.__module__}:{scenario.__name__}"
    play = [sys.executable, "-B", "-m", "tests.emulator.play"]
    return ["env", f"PYTHONPATH={ROOT}", *play, name, *map(str, arguments)]


def script_of(scenario: Callable[..., object], folder: Path) -> Path:
    """Write a script for `gtsdsl emulate --script` that calls a scenario with the network; return the script's path."""
    path = folder / f"{scenario.__name__}.py"
    call = f"from {scenario.__module__} import {scenario.__name__}\n{scenario.__name__}(net)\n"
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\n{call}")
    return path


if __name__ == "__main__":
    module, _, function = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), function)(*sys.argv[2:])
