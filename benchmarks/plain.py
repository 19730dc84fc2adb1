"""The plain C program beside us, compiled in the run, and how long it took to make a network and to let go of it."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.taking import Taking, gone

_SOURCE = Path(__file__).with_suffix(".c")


def compiled(folder: Path) -> Path:
    """The program, made by the C compiler of the machine."""
    program = folder / "plain"
    subprocess.run(["cc", "-O2", "-o", program, _SOURCE], check=True)
    return program


def measure(program: Path, hosts: int, pairs: Sequence[tuple[int, int]]) -> Taking:
    """Make the network of these pairs of hosts, and let go of it."""
    text = f"{hosts}\n" + "".join(f"{first} {second}\n" for first, second in pairs) + "end\n"
    with gone() as wait, subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(text)
        child.stdin.flush()
        up_s = float(child.stdout.readline())
        began_s = time.monotonic()
        child.stdin.write("end\n")
        child.stdin.flush()
        child.stdout.readline()  # it has let go of all namespaces
        wait()
        down_s = time.monotonic() - began_s
        child.stdin.close()
    return Taking(up_s, down_s)
