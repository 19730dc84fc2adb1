"""The build of the guest kernel: its processor time, its size, and whether a second build gives the same bytes.

The benchmark measures processor time, because a build shares the cores with other programs. It needs the tools of
`gtsdsl kernel build`, and a kernel that this machine has built with the present configuration.

Processor time of the whole command on one machine (two cores of a Xeon with 2 MB of second-level cache each, gcc 12.2,
beside other programs, which make each object slower to compile):

    until 2026-11, with -O2 and many drivers             17.0 min                kernel of 12.9 MB
    since then, with -O1 and only the used drivers        8.2, 8.7 and 9.0 min    8.2 MB, its wheel 3.5 MB

Processor time of guests with the two kernels, measured in turns, the least of five: boot 0.36 and 0.29 s; to the first
ping 0.85 and 0.81 s; 200,000 pairs of read and write 2.54 and 2.22 s; 400 processes 1.15 and 1.15 s; TCP for 10 s over
36.5 ms 5.61 and 5.67 s; an idle hour 0.32 and 0.33 s.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.processor import processor_s
from benchmarks.table import Row, show
from emulator.kernel import cache
from emulator.kernel.build import compare_with_wheel
from emulator.kernel.wheel import make_wheel

_GOAL, _GOAL_S = "at most 8.5 min", 510.0


def main() -> int:
    """Print the table and return how many goals were missed."""
    folders = [kernel.executable.parent for kernel in cache.built_kernels()]
    built = next((folder for folder in folders if folder.parent == cache.kernels_folder()), None)
    if built is None:
        sys.exit("this machine has built no guest kernel: gtsdsl kernel build")
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as place:
        wheel = make_wheel(built, Path(place))
        differing: list[Sequence[str]] = []
        took_s = processor_s(
            lambda: differing.append(compare_with_wheel(wheel, None, lambda _what, _part: None, print))
        )
        size = wheel.stat().st_size
    return show(
        "The guest kernel",
        [
            Row("processor time of a build, download included", f"{took_s / 60:.1f} min", _GOAL, took_s <= _GOAL_S),
            Row("files that differ from the build before", f"{len(differing[0])}", "none", not differing[0]),
            Row("its wheel", f"{size / 1e6:.1f} MB", "", None),
        ],
    )
