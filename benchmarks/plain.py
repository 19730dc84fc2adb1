"""The plain C program that makes the same network: its compilation, and the time that it takes."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.timing import Timing, awaiting_removal

_SOURCE = Path(__file__).with_suffix(".c")


def compiled(folder: Path) -> Path:
    """Compile the program with the machine's C compiler and return its path."""
    program = folder / "plain"
    subprocess.run(["cc", "-O2", "-o", program, _SOURCE], check=True)
    return program


def measure(program: Path, hosts: int, pairs: Sequence[tuple[int, int]]) -> Timing:
    """Make a network of pairs of hosts, release it, and return the seconds of both."""
    text = f"{hosts}\n" + "".join(f"{first} {second}\n" for first, second in pairs) + "end\n"
    with (
        awaiting_removal() as wait,
        subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(text)
        child.stdin.flush()
        up_s = float(child.stdout.readline())
        began_s = time.monotonic()
        child.stdin.write("end\n")
        child.stdin.flush()
        child.stdout.readline()  # now the program holds no namespace
        wait()
        down_s = time.monotonic() - began_s
        child.stdin.close()
    return Timing(up_s, down_s)
