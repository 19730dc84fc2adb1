"""The command line within bounds of processor time and memory."""

from __future__ import annotations

import math
import resource
import subprocess
import sys
from pathlib import Path

from tests.slowness import slowness

CPU_S = 20
"""The processor time that any input may take on the machine on which the bounds were set."""
MEMORY_BYTES = 2**30


def bounded_gtsdsl(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with `CPU_S` of processor time, or more on a slower machine, and 1 GiB of address space."""
    cpu_s = math.ceil(CPU_S * slowness())

    def confine() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))

    command = [sys.executable, "-m", "gtsdsl", *arguments]
    return subprocess.run(command, cwd=cwd, preexec_fn=confine, capture_output=True, text=True, check=False)
