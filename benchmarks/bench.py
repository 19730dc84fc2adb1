"""`gtsdsl bench`: how much faster than real time its matrix is, how near to the study, whether repetitions are equal.

Times are processor time by two, which is what two idle cores take, because other programs make wall time longer. Wall
time is beside them.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.exactness import MESH
from benchmarks.processor import processor_s
from benchmarks.table import Row, show
from emulator.bench.presets import preset
from emulator.bench.results import CellResult
from emulator.bench.store import read_results
from gtsdsl.circuits import Measurement, measured
from gtsdsl.circuits.study import bucket_ms

_CORES = 2
_PROBES = 100
_CIRCUITS = ",".join("-".join(pair) for pair in measured())
_STUDY = "seed-2016"
_STUDY_MINUTES = 12
_LATENCY = "latency"
_NEAR_PERCENT = 1
_REPETITIONS = 10
_ANONYMOUS = "grep AnonPages /proc/meminfo"
_MEMORY_MB = {"libnetwork:kv": 900}
_MOST_MEMORY_MB = 600


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        return show("Benchmarks of overlays, in the virtual clock", list(_rows(Path(folder))))


def _rows(folder: Path) -> Iterator[Row]:
    yield from _speed(folder / "cheap", ("none", "flannel:vxlan", "weave", "calico"), 60)
    yield from _speed(folder / "docker", ("none", "flannel:vxlan", "libnetwork:kv", "calico"), 25)
    yield from _repetitions(folder / "repetitions")
    yield from _memory()
    yield from _study(folder / "study")


def _speed(output: Path, overlays: Sequence[str], goal: float) -> Iterator[Row]:
    """Measure overlays with probes one second apart over the study's six circuits."""
    options = ["--point-to-point", "--workloads", _LATENCY, "--circuits", _CIRCUITS, "--duration", str(_PROBES)]
    used_s, took_s = _bench(output, str(MESH), "--overlays", ",".join(overlays), *options)
    cells = read_results(output).cells
    lost = sum(cell.measured is None or cell.measured.figure("rtt.lost") != 0 for cell in cells)
    times = len(cells) * _PROBES / (used_s / _CORES)
    what = f"{', '.join(overlays)}: {len(cells)} cells of {_PROBES} probes, one second apart"
    yield Row(what, f"{used_s:.0f} s of processor time, {took_s:.0f} s", "", None)
    yield Row("  times faster than real time", f"{times:.0f}", f"at least {goal:g}", times >= goal)
    yield Row("  cells that failed or lost a probe", str(lost), "none", lost == 0)


def _repetitions(output: Path) -> Iterator[Row]:
    """Measure the same cells several times, each time anew.

    flannel's etcd is a real daemon, which works beside the measurement at times that differ by microseconds.
    """
    overlays = ("none", "weave:fastdp", "flannel:vxlan")
    options = ["--point-to-point", "--circuits", "AMS-BRA", "--overlays", ",".join(overlays), "--duration", "5"]
    options += ["--setting", "latency.tools=echo,udp_rr,tcp_rr", "--setting", "throughput.udp_rates_mbps=100"]
    found: dict[tuple[str, str], set[str]] = {}
    for number in range(_REPETITIONS):
        _bench(output / str(number), str(MESH), *options)
        for cell in read_results(output / str(number)).cells:
            found.setdefault((cell.workload, cell.overlay), set()).add(str(cell.measured))
    for (workload, overlay), results in found.items():
        what = f"{workload}, {overlay}: different results of {_REPETITIONS} repetitions"
        has_goal = overlay != overlays[-1]
        yield Row(what, str(len(results)), "1" if has_goal else "", len(results) == 1 if has_goal else None)


def _memory() -> Iterator[Row]:
    mesh = preset(_STUDY).with_name("mesh.dsl")
    for overlay in ("none", "weave:fastdp", "flannel:vxlan", "calico:bgp", "libnetwork:kv"):
        said = _run("emulate", str(mesh), "--clock", "virtual", "--overlay", overlay, "--exec", f"h1: {_ANONYMOUS}")
        found = re.search(r"AnonPages:\s+(\d+) kB", said)
        if found is None:
            raise ValueError(f"a guest printed no {_ANONYMOUS!r}")
        most, used = _MEMORY_MB.get(overlay, _MOST_MEMORY_MB), int(found[1]) / 1000
        yield Row(f"{overlay}, full mesh: memory of all programs", f"{used:.0f} MB", f"at most {most} MB", used <= most)


def _study(output: Path) -> Iterator[Row]:
    """Repeat the study with the delays that it measured."""
    used_s, took_s = _bench(output, "--like", _STUDY, "--as-measured")
    cells = read_results(output).cells
    minutes = used_s / _CORES / 60
    yield Row(f"--like {_STUDY}: {len(cells)} cells", f"{used_s:.0f} s of processor time, {took_s:.0f} s", "", None)
    goal = f"at most {_STUDY_MINUTES} min"
    yield Row("  on two idle cores", f"{minutes:.1f} min", goal, minutes <= _STUDY_MINUTES)
    failed = sum(cell.error is not None for cell in cells)
    yield Row("  cells that failed", str(failed), "none", failed == 0)
    beside = [(cell, it) for cell in cells if cell.part == _LATENCY if (it := _published(cell)) is not None]
    yield Row("  cells of the study's table", str(len(beside)), "18", len(beside) == 18)
    for name in ("min", "mean", "p99"):
        off = [(_off_percent(cell, item, name), cell) for cell, item in beside if name != "p99" or _is_edge(item)]
        worst, cell = max(off, key=lambda it: it[0])
        what = f"  netperf's {name} beside the study's, the worst of {len(off)}"
        figure = f"{worst:.2f} % ({cell.circuit} {cell.overlay})"
        yield Row(what, figure, f"at most {_NEAR_PERCENT} %", worst <= _NEAR_PERCENT)


def _published(cell: CellResult) -> Measurement | None:
    first, second = sorted(cell.circuit.split("-"))
    found = measured()[first, second].measurements
    return next((it for it in found if it.overlay == cell.overlay.partition(":")[0]), None)


def _off_percent(cell: CellResult, item: Measurement, name: str) -> float:
    """Return how far netperf's figure is from the study's; infinity for a cell that was not measured."""
    found = None if cell.measured is None else cell.measured.figure(f"netperf.udp_rr.{name}")
    wanted = {"min": item.min_ms, "mean": item.mean_ms, "p99": item.p99_ms}[name]
    return float("inf") if found is None else abs(found / 1000 / wanted - 1) * 100


def _is_edge(item: Measurement) -> bool:
    """Return whether a percentile is the upper bound of a bucket of netperf's histogram."""
    return abs(bucket_ms(item.p99_ms)[1] - item.p99_ms) < 1e-6


def _bench(output: Path, *arguments: str) -> tuple[float, float]:
    """Run a benchmark; return the seconds of processor time and of wall time."""
    began_s = time.monotonic()
    used_s = processor_s(lambda: _run("bench", *arguments, "--clock", "virtual", "-o", str(output)))
    return used_s, time.monotonic() - began_s


def _run(*arguments: str) -> str:
    command = [sys.executable, "-m", "gtsdsl", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:  # 1: a cell failed, which a row says
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    return done.stdout
