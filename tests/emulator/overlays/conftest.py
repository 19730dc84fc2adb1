"""What the tests of overlays share: the guest kernel, and the command line over the five-site full mesh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.session.conftest import MESH, Emulate, gtsdsl, guest_kernel, pair

__all__ = ["gtsdsl", "guest_kernel", "pair"]


@pytest.fixture
def overlaid(gtsdsl: Emulate, guest_kernel: Kernel) -> Emulate:
    """`gtsdsl emulate examples/full_mesh.dsl --overlay NAME …`, in the virtual clock."""
    assert guest_kernel.virtual_clock
    return lambda name, *arguments: gtsdsl("emulate", str(MESH), "--overlay", name, *arguments)


def result_of(path: Path) -> dict[str, Any]:
    """A result file, without what names the wall clock."""
    found: dict[str, Any] = json.loads(path.read_text())
    del found["wall_clock"], found["command"]
    return found
