"""The command line that emulates the five-site full mesh with an overlay."""

from __future__ import annotations

import pytest

from emulator.kernel.cache import Kernel
from tests.emulator.samples import MESH, Cli


@pytest.fixture
def overlaid(gtsdsl: Cli, guest_kernel: Kernel) -> Cli:
    """A function that runs `gtsdsl emulate examples/full_mesh.dsl --overlay NAME …` with the virtual clock."""
    assert guest_kernel.virtual_clock
    return lambda name, *arguments: gtsdsl("emulate", str(MESH), "--overlay", name, *arguments)
