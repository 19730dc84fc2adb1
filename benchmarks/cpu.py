"""Processor time of packets in the virtual clock, beside the formulas: the knee of UDP, and the wait for a core.

It draws the plots of docs/cpu.md anew, from the cost table in `examples`. It needs a guest kernel and
``pip install 'gtsdsl[bench]'``.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import traffic
from benchmarks.exactness import MESH
from benchmarks.table import Row, show
from emulator.bench.report.model import Axis, Line, LinePlot
from emulator.bench.report.vega import draw
from emulator.cpu.model import capacity_pps, mean_wait_ns
from emulator.cpu.table import Cost
from emulator.session import Session, emulate

_ROOT = Path(__file__).resolve().parents[1]
_TABLE = _ROOT / "examples" / "cost_table.toml"
_VXLAN, _FRAME_BYTES, _PAYLOAD_BYTES = Cost(20_000.0, 0.1), 1492, 1400
_RATES_MBPS = (10, 100, 200, 300, 400, 500, 540, 570, 600, 700, 800, 900)
_RATE_S = 0.2
_SERVICE_NS, _ONE_WAY_NS = 1e6, 8_700_000
_CLOCK_NS = 2_000
"""The time that it takes a program of the guest to read the clock and to send, which is in each delay."""
_LOADS = (0.1, 0.3, 0.5, 0.6, 0.7)
_PACKETS, _SEED = 20_000, 5
_FORMULA, _MEASURED = "formula", "measured"


def main() -> int:
    """Print the table, draw the plots and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        knee, waits = list(_knee(Path(folder))), list(_waits(Path(folder)))
    _draw_knee(knee)
    _draw_waits(waits)
    rows = []
    for sent, received in knee:
        error = received / _formula_mbps(sent) - 1
        rows.append(
            Row(f"UDP, {sent:g} Mbit/s sent", f"{received:.1f} Mbit/s arrive", "within 1 %", abs(error) <= 0.01)
        )
    for load, wait_ns in waits:
        expected_ns = mean_wait_ns(Cost(_SERVICE_NS), 0, load * 1e9 / _SERVICE_NS)
        figure = f"{wait_ns / 1e3:.1f} µs wait, {expected_ns / 1e3:.1f} expected"
        is_met = abs(wait_ns - expected_ns) <= max(0.02 * expected_ns, _CLOCK_NS)
        rows.append(Row(f"Poisson, load {load:g}", figure, "within 2 %, or 2 µs", is_met))
    return show("Processor time of packets in the virtual clock", rows)


def _knee(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield the rates at which UDP is sent and arrives over flannel:vxlan, in Mbit/s of data."""
    text = _TABLE.read_text().replace("backlog_packets = 1000", "backlog_packets = 10")
    table = folder / "vxlan.toml"
    table.write_text(text)
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=str(table), cpus=1) as net:
        for rate in _RATES_MBPS:
            packets_per_s = rate * 1e6 / 8 / _PAYLOAD_BYTES
            found = _sent(net, ("c1", "c4"), packets_per_s, max(100, round(packets_per_s * _RATE_S)), 0)
            yield rate, (found["received"] - 1) * _PAYLOAD_BYTES * 8e3 / found["span_ns"]


def _waits(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield loads of a core, and the mean wait of packets that come at random, in nanoseconds."""
    table = folder / "wait.toml"
    stages = "".join(
        f'[stages.{name}]\npacket_ns = {cost}\nsource = "a benchmark"\n'
        for name, cost in (("socket", _SERVICE_NS), ("forward", 0))
    )
    table.write_text(stages)
    with emulate(MESH, cpu_model=str(table)) as net:
        for load in _LOADS:
            found = _sent(net, ("h1", "h4"), load * 1e9 / _SERVICE_NS, _PACKETS, _SEED)
            yield load, found["mean_delay_ns"] - _ONE_WAY_NS - 8 * (_PAYLOAD_BYTES + 42) - 2 * _SERVICE_NS


def _sent(net: Session, ends: tuple[str, str], packets_per_s: float, count: int, seed: int) -> dict[str, float]:
    source, sink = ends
    receiver = net[sink].start([sys.executable, traffic.__file__, "receive"])
    net.sleep(1)
    net[source].run(["ping", "-c1", sink], check=True)
    words = (sink, _PAYLOAD_BYTES, packets_per_s, count, seed)
    net[source].run([sys.executable, traffic.__file__, "send", *map(str, words)], check=True)
    found: dict[str, float] = json.loads(receiver.wait().stdout)
    return found


def _formula_mbps(sent_mbps: float) -> float:
    return min(sent_mbps, capacity_pps(_VXLAN, _FRAME_BYTES) * _PAYLOAD_BYTES * 8 / 1e6)


def _draw_knee(found: list[tuple[float, float]]) -> None:
    expected = tuple((rate, _formula_mbps(rate)) for rate in range(0, 901, 5))
    plot = LinePlot(
        "cpu-knee",
        "UDP over flannel:vxlan, 20.1 µs a packet",
        "The rate at which UDP arrives follows the rate at which it is sent up to 556 Mbit/s, and stays there.",
        Axis("sent, Mbit/s", from_zero=True),
        Axis("received, Mbit/s", from_zero=True),
        (Line(_FORMULA, expected), Line(_MEASURED, tuple(found))),
    )
    _write(plot)


def _draw_waits(found: list[tuple[float, float]]) -> None:
    loads = [number / 100 for number in range(76)]
    expected = tuple((load, mean_wait_ns(Cost(_SERVICE_NS), 0, load * 1e9 / _SERVICE_NS) / 1e3) for load in loads)
    plot = LinePlot(
        "cpu-wait",
        "Packets at random times, 1 ms a packet",
        "The mean wait for a core grows with its load as the formula of M/D/1 says.",
        Axis("load of the core", from_zero=True),
        Axis("mean wait, µs", from_zero=True),
        (Line(_FORMULA, expected), Line(_MEASURED, tuple((load, wait_ns / 1e3) for load, wait_ns in found))),
    )
    _write(plot)


def _write(plot: LinePlot) -> None:
    (_ROOT / "docs" / f"{plot.name}.svg").write_text(draw(plot, (_FORMULA, _MEASURED)).svg, encoding="utf-8")
