"""The imports of the command line, by `python -X importtime`: how long they take, how many, and which take longest."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.table import Row, show

_EXAMPLE = str(Path(__file__).parents[1] / "examples" / "full_mesh.dsl")
_COMMANDS = (
    ("--help",),
    ("check", _EXAMPLE),
    ("compile", _EXAMPLE),
    ("plan", _EXAMPLE),
    ("emulate", "--help"),
)
_RUNS = 10
_SHOWN = 5
_LINE = re.compile(r"^import time: +(\d+) \| +(\d+) \| +(\S+)$", re.MULTILINE)
_HEAVY = ("lark", "networkx", "docker", "pyroute2", "mininet", "resvg_py", "pygls")
"""Packages that `gtsdsl check` does not need."""


class Import(NamedTuple):
    """A module's import: its own time in microseconds, without that of the modules that it imports."""

    module: str
    own_us: int


def main() -> int:
    """Print the table and return how many goals were missed."""
    return show("Imports of the command line, in the clock's time", list(_rows()))


def _rows() -> Iterator[Row]:
    bare_us = _total_us(_best(["-c", ""]))
    yield Row("Python itself", f"{bare_us / 1000:.0f} ms", "", None)
    for command in _COMMANDS:
        imports = _best(["-m", "gtsdsl", *command])
        figure = f"{(_total_us(imports) - bare_us) / 1000:.0f} ms, {len(imports)} modules"
        yield Row(f"gtsdsl {command[0]}{' --help' * (command[-1] == '--help' != command[0])}", figure, "", None)
        longest = sorted(_by_package(imports).items(), key=lambda item: -item[1])[:_SHOWN]
        yield Row("  the longest", ", ".join(f"{name} {us / 1000:.0f}" for name, us in longest), "", None)
        if command[0] == "check":
            heavy = sorted({item.module.partition(".")[0] for item in imports} & set(_HEAVY))
            yield Row("  heavy packages", ", ".join(heavy) or "none", "none", not heavy)


def _best(arguments: Sequence[str]) -> list[Import]:
    """Return the imports of the fastest of some runs of Python."""
    runs = []
    for _ in range(_RUNS):
        done = subprocess.run(
            [sys.executable, "-X", "importtime", *arguments], capture_output=True, text=True, check=True
        )
        runs.append([Import(module, int(own_us)) for own_us, _, module in _LINE.findall(done.stderr)])
    return min(runs, key=_total_us)


def _total_us(imports: Sequence[Import]) -> int:
    return sum(item.own_us for item in imports)


def _by_package(imports: Sequence[Import]) -> dict[str, int]:
    """Return the microseconds of each package, with its parts."""
    found: dict[str, int] = {}
    for item in imports:
        package = item.module.partition(".")[0]
        found[package] = found.get(package, 0) + item.own_us
    return found
