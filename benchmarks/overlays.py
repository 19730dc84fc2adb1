"""The time from the command to the first packets between an overlay's containers, beside that without an overlay."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import forwarders
from benchmarks.exactness import MESH
from benchmarks.table import Row, show
from emulator.agents.cache import built_agent
from emulator.agents.recipes import RECIPES
from emulator.overlays import names, overlay_class

_GOALS_S = {"flannel": 4.0, "libnetwork": 10.0, "nebula": 5.0}
_IN_USER_SPACE = ("flannel:udp", "weave:sleeve")
"""The variants whose packets a built-in forwarder passes on."""
_RUNS = 3
_REAL_S = 6.0
"""The goal of flannel with real agents, from the command to the first answer."""


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        rows = list(_rows(Path(folder) / "result.json"))
    return show("Overlays on the five-site full mesh, in the virtual clock", rows)


def _rows(output: Path) -> Iterator[Row]:
    baseline_s, _ = _measure("none", output)
    yield Row("none: whole command, to the answer of a ping", f"{baseline_s:.2f} s", "", None)
    for name in names():
        for variant in overlay_class(name).variants if name != "none" else ():
            goal_s = _GOALS_S.get(name)
            took_s, result = _measure(f"{name}:{variant}", output)
            figure = f"{took_s:.2f} s, {took_s / baseline_s:.1f} times none"
            is_met = None if goal_s is None else took_s <= goal_s
            yield Row(f"{name} {variant}: the same", figure, "" if goal_s is None else f"at most {goal_s:g} s", is_met)
            first_ns = [item["after_ns"] for item in result["overlay"]["first_packets"]]
            worst_us = max(abs(pair["error_us"]) for pair in result["overlay"]["pairs"])
            yield Row("  first packets, in the network's clock", f"to {max(first_ns) / 1e9:.2f} s", "", None)
            yield Row("  round trip minus expected, the worst", f"{worst_us:.2f} µs", "at most 10 µs", worst_us <= 10)
            if f"{name}:{variant}" in _IN_USER_SPACE:
                yield from forwarders.rows(f"{name}:{variant}")
    if built_agent(RECIPES["flannel"]) is None:
        yield Row("flannel with real agents", "not built: gtsdsl agents build flannel", "", None)
        return
    for variant in ("vxlan", "udp", "wireguard"):  # for host-gw, the mesh is no topology of real agents
        took_s, _ = _measure(f"flannel:{variant}", output, "--agent", "real")
        figure = f"{took_s:.2f} s, {took_s / baseline_s:.1f} times none"
        yield Row(f"flannel {variant}, real agents: the same", figure, f"at most {_REAL_S:g} s", took_s <= _REAL_S)


def _measure(text: str, output: Path, *options: str) -> tuple[float, dict[str, Any]]:
    """Return the least wall time to a run's first answer, in seconds, and the result of a run that probes."""
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--clock", "virtual", "--overlay", text, *options]
    times_s = []
    for _ in range(_RUNS):
        began_s = time.monotonic()
        subprocess.run([*command, "--exec", "c1: ping -c 1 c2"], check=True, capture_output=True)
        times_s.append(time.monotonic() - began_s)
    subprocess.run([*command, "--probe", "--json", str(output)], check=True, capture_output=True)
    return min(times_s), json.loads(output.read_text())
