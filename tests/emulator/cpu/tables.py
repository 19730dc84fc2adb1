"""Cost tables that tests of processors share."""

from __future__ import annotations

from pathlib import Path

EXAMPLE = Path(__file__).parents[3] / "examples" / "cost_table.toml"
"""The table with round figures."""
SOCKETS = '[stages.socket]\npacket_ns = 1e6\nsource = "a test"\n[stages.forward]\npacket_ns = 0\nsource = "a test"\n'
"""The stages of a table by which a packet costs its sender and its receiver 1 ms each."""


def write_table(folder: Path, text: str) -> str:
    """Write a table into a folder, and return its path."""
    path = folder / "table.toml"
    path.write_text(text)
    return str(path)
