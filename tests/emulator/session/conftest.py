"""What the tests of running topologies share: a guest kernel, and the command line in a folder with a topology."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.kernel.conftest import gtsdsl, guest_kernel, packaged

__all__ = ["gtsdsl", "guest_kernel", "packaged"]

MESH = Path(__file__).parents[3] / "examples" / "full_mesh.dsl"

PAIR = """Pair {
  id = "Pair"
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" } }
  link { id = "l1"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}
"""

Emulate = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    path = tmp_path / "pair.dsl"
    path.write_text(PAIR)
    return path


@pytest.fixture
def emulate(gtsdsl: Emulate, pair: Path, guest_kernel: Kernel) -> Emulate:
    """`gtsdsl emulate` of two hosts, 36.2 ms from each other."""
    assert guest_kernel.virtual_clock
    return lambda *arguments, **options: gtsdsl("emulate", str(pair), *arguments, **options)
