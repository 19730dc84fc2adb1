"""Topologies that tests of the emulator share, and the type of the fixtures that run the command line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The checkout."""

MESH = ROOT / "examples" / "full_mesh.dsl"

PAIR = """Pair {
  id = "Pair"
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}
"""

HANG_S = 1500.0
"""Wall time after which a command is taken to hang; the limit of a whole test, in `pyproject.toml`, is longer.

The slowest commands take a minute on two busy processors.
"""

Cli = Callable[..., subprocess.CompletedProcess[str]]
"""A function that takes arguments of the command line and returns the process that ran with them."""


def with_link(pair: Path, attributes: str) -> Path:
    """Write a copy of a topology of two hosts, whose circuit has more attributes, over the file."""
    text = pair.read_text()
    pair.write_text(text.replace('id = "l1"', f'id = "l1"; {attributes}'))
    return pair
