"""A guest kernel for the tests: the one of the user's cache, built if it is missing, which takes minutes."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from emulator.doctor import examine
from emulator.kernel.build import build
from emulator.kernel.cache import Kernel, built_kernels, packaged_kernel
from emulator.kernel.choose import choose
from emulator.kernel.guest import Boot
from emulator.kernel.verdict import refusal
from emulator.system.errors import EmulationError

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


def runs_or_says_why(gtsdsl: Cli, packaged: Kernel) -> bool:
    """Whether Debian's kernel runs on this machine; where it does not, hold that everything says why."""
    lack = refusal(packaged)
    if lack is None:
        return True
    with pytest.raises(EmulationError, match=re.escape(lack.what)):
        choose("uml-packaged")
    finding = next(it for it in examine() if it.name == "guest kernel, Debian's")
    assert not finding.works
    assert lack.what in finding.detail
    done = gtsdsl("guest", "--kernel", "uml-packaged", "--", "true")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("error: Debian's packaged guest kernel, Linux ")
    assert done.stderr.endswith(f" does not run here: {lack}\n")
    return False


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
