"""A guest kernel for the tests: the one of the user's cache, built if it is missing, which takes minutes."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from emulator.errors import EmulationError
from emulator.kernel.build import build
from emulator.kernel.cache import Kernel, built_kernels, packaged_kernel
from emulator.kernel.guest import Boot

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def guest_kernel() -> Kernel:
    if platform.machine() != "x86_64" or sys.platform != "linux":
        pytest.skip("a guest kernel runs on Linux on x86-64 only")
    while not built_kernels():
        try:
            build(None, lambda _what, _part: None, lambda _message: None)
        except EmulationError as error:
            if "another gtsdsl builds" not in str(error):
                raise
            time.sleep(1)  # another worker of this test run does
    return built_kernels()[0]


@pytest.fixture(scope="session")
def packaged() -> Kernel:
    kernel = packaged_kernel()
    if kernel is None:
        pytest.skip("Debian's user-mode-linux is not installed")
    return kernel


@pytest.fixture
def gtsdsl(tmp_path: Path) -> Cli:
    """Runs the command line in an empty folder."""
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*arguments: str, prefix: Sequence[str] = (), cwd: Path = folder) -> subprocess.CompletedProcess[str]:
        command = [*prefix, sys.executable, "-m", "gtsdsl", *arguments]
        return subprocess.run(
            command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False
        )

    return run


@pytest.fixture
def boot(guest_kernel: Kernel) -> Boot:
    """The virtual clock, and an end to it."""
    return Boot(guest_kernel, timeout_s=200)
