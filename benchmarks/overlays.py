"""Overlays on the five-site full mesh: the time from the command to the first packets, processor time and memory.

Times of this machine's clock depend on what else it does, so processor times are beside them, as ratios to those
without an overlay.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import forwarders
from benchmarks.exactness import MESH
from benchmarks.processor import processor_s
from benchmarks.table import Row, show
from emulator.agents.cache import built_agent
from emulator.agents.recipes import RECIPES
from emulator.overlays import names, overlay_class

_IN_USER_SPACE = ("flannel:udp", "weave:sleeve")
"""The variants whose packets a built-in forwarder passes on."""
_RUNS = 3
_REAL = ("--agent", "real")
_LARGEST_ERROR_US = 10
_PROBES = 100
_ANONYMOUS = "grep AnonPages /proc/meminfo"


@dataclass(frozen=True, slots=True)
class _Goals:
    """The most seconds to the first packets, seconds of processor time with probes, and MB; None is no goal."""

    first_s: float | None = None
    processor_s: float | None = None
    memory_mb: float | None = None


_GOALS = {
    "weave": _Goals(first_s=4),
    "calico": _Goals(first_s=5),
    "flannel": _Goals(first_s=4),
    "nebula": _Goals(first_s=5),
    "libnetwork": _Goals(first_s=10, processor_s=30, memory_mb=600),
}
_REAL_AGENTS_S = 6


@dataclass(frozen=True, slots=True)
class _Measured:
    """The least times of runs that send one ping, and what a run with probes took and found."""

    first_s: float
    first_processor_s: float
    processor_s: float
    memory_mb: float
    result: dict[str, Any]


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        rows = list(_rows(Path(folder) / "result.json"))
    return show("Overlays on the five-site full mesh, in the virtual clock", rows)


def _rows(output: Path) -> Iterator[Row]:
    baseline = _measure("none", (), output)
    figure = f"{baseline.first_s:.2f} s; {baseline.first_processor_s:.2f} s of processor time"
    yield Row("none: from the command to the answer of a ping", figure, "", None)
    for name in names():
        kind = overlay_class(name)
        for variant in kind.variants if name != "none" else ():
            overlay, goals = f"{name}:{variant}", _GOALS.get(name, _Goals())
            yield from _rows_of(overlay, (), goals, _measure(overlay, (), output), baseline)
            if overlay in _IN_USER_SPACE:
                yield from forwarders.rows(overlay)
            options = kind.options(variant)
            if "password" in options:
                password = ("--overlay-password", "secret")
                yield from _rows_of(overlay, password, goals, _measure(overlay, password, output), baseline)
            # of host-gw, real agents need one Ethernet of all hosts
            if "agent" in options and variant != "host-gw":
                goals = _Goals(first_s=_REAL_AGENTS_S)
                if built_agent(RECIPES[name]) is None:
                    yield Row(f"{overlay} {' '.join(_REAL)}", f"not built: `gtsdsl agents build {name}`", "", None)
                else:
                    yield from _rows_of(overlay, _REAL, goals, _measure(overlay, _REAL, output), baseline)


def _rows_of(
    overlay: str, options: tuple[str, ...], goals: _Goals, found: _Measured, baseline: _Measured
) -> Iterator[Row]:
    """Yield the rows of an overlay with some options."""
    ratio = found.first_processor_s / baseline.first_processor_s
    figure = f"{found.first_s:.2f} s; {found.first_processor_s:.2f} s of processor time, {ratio:.1f} times none"
    what = " ".join((overlay, *options))
    yield Row(f"{what}: the same", figure, *_goal(found.first_s, goals.first_s, "s"))
    first_ns = [item["after_ns"] for item in found.result["overlay"]["first_packets"]]
    yield Row("  first packets, in the network's clock", f"to {max(first_ns) / 1e9:.2f} s", "", None)
    worst_us = max(abs(pair["error_us"]) for pair in found.result["overlay"]["pairs"])
    figure = f"{worst_us:.2f} µs"
    yield Row("  round trip minus expected, the worst", figure, *_goal(worst_us, _LARGEST_ERROR_US, "µs"))
    figure = f"{found.processor_s:.1f} s, {found.processor_s / baseline.processor_s:.1f} times none"
    what = f"  processor time, with {_PROBES} probes of each circuit"
    yield Row(what, figure, *_goal(found.processor_s, goals.processor_s, "s"))
    figure = f"{found.memory_mb:.0f} MB"
    yield Row("  anonymous memory of all programs in the guest", figure, *_goal(found.memory_mb, goals.memory_mb, "MB"))


def _goal(figure: float, most: float | None, unit: str) -> tuple[str, bool | None]:
    """Return the text of a goal, and whether a figure meets it."""
    return ("", None) if most is None else (f"at most {most:g} {unit}", figure <= most)


def _measure(overlay: str, options: tuple[str, ...], output: Path) -> _Measured:
    """Run an overlay until it answers a ping, several times, and once more with probes."""
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--clock", "virtual", "--overlay", overlay]
    command += options
    times_s, processor_times_s = [], []
    for _ in range(_RUNS):
        began_s = time.monotonic()
        processor_times_s.append(processor_s(lambda: _run([*command, "--exec", "c1: ping -c 1 c2"])))
        times_s.append(time.monotonic() - began_s)
    said: list[str] = []
    probing = [*command, "--probe", "--count", str(_PROBES), "--json", str(output), "--exec", f"h1: {_ANONYMOUS}"]
    used_s = processor_s(lambda: said.append(_run(probing)))
    found = re.search(r"AnonPages:\s+(\d+) kB", said[0])
    if found is None:
        raise ValueError(f"a guest printed no {_ANONYMOUS!r}")
    result = json.loads(output.read_text())
    return _Measured(min(times_s), min(processor_times_s), used_s, int(found[1]) / 1000, result)


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
