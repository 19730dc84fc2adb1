"""The speed of the compiler, beside that of a plain Lark parse of the same text with the same grammar.

Each figure comes from a new process, so that no memory or cache is shared. Seconds are processor time, and the fastest
of several runs counts, because other programs on the machine only ever make a run slower.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import meshes
from benchmarks.processor import processor_s
from benchmarks.table import Row, show


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        return show("The compiler", _rows(Path(folder)))


def _rows(folder: Path) -> list[Row]:
    rows = []
    mesh = _write(folder / "mesh.dsl", meshes.spelt_out(200))
    own, memory_mb = _measure("compile", mesh)
    stock, stock_memory_mb = _measure("lark", mesh, runs=1)
    ratio = stock / own
    rows += [
        Row("full mesh of 200 hosts, spelt out, text to GTS JSON", f"{own:.2f} s", "", None),
        Row('the same text by Lark(parser="lalr"), to a tree', f"{stock:.2f} s", "", None),
        Row("  times faster", f"{ratio:.1f}", "at least 4", ratio >= 4),
        Row("  memory (Lark's)", f"{memory_mb:.0f} MB ({stock_memory_mb:.0f})", "under 500 MB", memory_mb < 500),
    ]
    loops, _ = _measure("compile", _write(folder / "loops.dsl", meshes.looped(200)))
    rows.append(Row("the same mesh from ten lines of loops", f"{loops:.2f} s", "at most 2 s", loops <= 2))
    per_link = {}
    for hosts in (50, 100, 200, 400):
        seconds, _ = _measure("compile", _write(folder / f"{hosts}.dsl", meshes.spelt_out(hosts)), runs=2)
        per_link[hosts] = seconds / (hosts * (hosts - 1) / 2) * 1e6
    figures = ", ".join(f"{hosts}: {us:.0f}" for hosts, us in per_link.items())
    growth = per_link[400] / per_link[50]
    rows.append(Row("µs a link, by the number of hosts", figures, "linear: 400 at most 1.5 of 50", growth <= 1.5))
    small = Path(__file__).parents[1] / "examples" / "full_mesh.dsl"
    whole = min(_whole_process(small) for _ in range(10))
    bare = min(processor_s(lambda: subprocess.run([sys.executable, "-c", ""], check=True)) for _ in range(10))
    rows.append(Row("gtsdsl check of a small file, whole process", f"{whole:.3f} s", "under 0.25 s", whole < 0.25))
    rows.append(Row("  of that, Python itself", f"{bare:.3f} s", "", None))
    return rows


def _write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def _measure(what: str, path: Path, runs: int = 3) -> tuple[float, float]:
    """Return the least seconds and megabytes of some runs."""
    command = [sys.executable, "-m", "benchmarks.compiler", what, str(path)]
    results = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(runs)]
    return min(result["seconds"] for result in results), min(result["mb"] for result in results)


def _whole_process(path: Path) -> float:
    command = [str(Path(sys.executable).with_name("gtsdsl")), "check", str(path)]
    return processor_s(lambda: subprocess.run(command, check=True, capture_output=True))


def _compile(path: Path) -> None:
    from gtsdsl.loading import load
    from gtsdsl.targets import compile_to

    compile_to(load(path), "gts-json")


def _lark(path: Path) -> None:
    from lark import Lark

    from gtsdsl.syntax.tables import grammar_text

    Lark(grammar_text(), parser="lalr", start="file").parse(path.read_text())


if __name__ == "__main__":
    _work = {"compile": _compile, "lark": _lark}[sys.argv[1]]
    _took = processor_s(lambda: _work(Path(sys.argv[2])))
    _mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if os.uname().sysname == "Linux" else 2**20)
    sys.stdout.write(json.dumps({"seconds": _took, "mb": _mb}))
