"""A topology of two hosts, the command that emulates it, and the options of a guest's boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel
from emulator.kernel.guest import Boot
from tests.emulator.samples import PAIR, Cli


@pytest.fixture
def pair(tmp_path: Path) -> Path:
    """The file of a topology of two hosts, one in AMS and one in MIL."""
    path = tmp_path / "pair.dsl"
    path.write_text(PAIR)
    return path


@pytest.fixture
def emulate(gtsdsl: Cli, pair: Path, guest_kernel: Kernel) -> Cli:
    """A function that runs `gtsdsl emulate` with two hosts, whose round trip is 36.2 ms."""
    assert guest_kernel.virtual_clock
    return lambda *arguments, **options: gtsdsl("emulate", str(pair), *arguments, **options)


@pytest.fixture
def boot(guest_kernel: Kernel) -> Boot:
    """A boot of the guest kernel with the virtual clock and a timeout."""
    return Boot(guest_kernel, timeout_s=200)
