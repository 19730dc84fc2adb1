"""Measure what faults do to overlays: `python -m tests.emulator.overlays.faults [--write] [OVERLAY…]`.

It prints the figures. With `--write`, it writes them into the data and the page.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import asdict
from pathlib import Path

from tests.emulator.overlays.faults.measure import measure
from tests.emulator.overlays.faults.model import read_table, write_table
from tests.emulator.overlays.faults.page import write_page
from tests.emulator.overlays.subjects import SUBJECTS


def main() -> None:
    """Measure the overlays that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulator.overlays.faults", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the figures into the data and the page")
    parser.add_argument("overlay", nargs="*", help="weave, weave:sleeve; all if none is named")
    options = parser.parse_args()
    for subject in SUBJECTS:
        if options.overlay and not {subject.overlay, subject.argument, subject.name} & set(options.overlay):
            continue
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(Path(folder), subject)
        for fault, figures in measured.items():
            print(subject.name, fault.value, asdict(figures), flush=True)
        if options.write:
            table = {**read_table(), subject.name: measured}
            write_table({it.name: table[it.name] for it in SUBJECTS if it.name in table})
            write_page()


if __name__ == "__main__":
    main()
