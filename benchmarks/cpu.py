"""Processor time of packets in the virtual clock, beside the formulas: the knee of UDP, and the wait for a core.

It draws the plots of docs/cpu.md anew, from the cost table in `examples`. It needs a guest kernel and
``pip install 'gtsdsl[bench]'``.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.exactness import MESH
from benchmarks.table import Row, show
from benchmarks.traffic import Traffic, exchange
from emulator.bench.report.model import Axis, Line, LinePlot
from emulator.bench.report.vega import draw
from emulator.cpu.model import capacity_pps, mean_wait_ns
from emulator.cpu.table import Cost
from emulator.session import emulate

_ROOT = Path(__file__).resolve().parents[1]
_TABLE = _ROOT / "examples" / "cost_table.toml"
_VXLAN, _FRAME_BYTES, _PAYLOAD_BYTES = Cost(20_000.0, 0.1), 1492, 1400
_RATES_MBPS = (10, 100, 200, 300, 400, 500, 540, 570, 600, 700, 800, 900)
_RATE_S = 0.2
_SERVICE_NS = 1e6
_LOADS = (0.1, 0.3, 0.5, 0.6, 0.7)
_LONE_LOAD, _LONE_PACKETS = 0.1, 1000
_PACKETS, _SEED = 250_000, 1
"""So many packets that the standard error of their mean wait is 0.9 % at the highest load, and less at the others."""
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
        expected_ns = _formula_wait_ns(load)
        figure = f"{wait_ns / 1e3:.1f} µs wait, {expected_ns / 1e3:.1f} expected"
        is_met = abs(wait_ns / expected_ns - 1) <= 0.02
        rows.append(Row(f"Poisson, load {load:g}", figure, "within 2 %", is_met))
    return show("Processor time of packets in the virtual clock", rows)


def _knee(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield the rates at which UDP is sent and arrives over flannel:vxlan, in Mbit/s of data."""
    text = _TABLE.read_text().replace("backlog_packets = 1000", "backlog_packets = 10")
    table = folder / "vxlan.toml"
    table.write_text(text)
    with emulate(MESH, overlay="flannel:vxlan", cpu_model=str(table), cpus=1) as net:
        for rate in _RATES_MBPS:
            packets_per_s = rate * 1e6 / 8 / _PAYLOAD_BYTES
            traffic = Traffic(_PAYLOAD_BYTES, packets_per_s, max(100, round(packets_per_s * _RATE_S)))
            yield rate, exchange(net, "c1", "c4", traffic).packets_per_s * _PAYLOAD_BYTES * 8 / 1e6


def _waits(folder: Path) -> Iterator[tuple[float, float]]:
    """Yield loads of a core, and the mean wait of packets that come at random, in nanoseconds."""
    table = folder / "wait.toml"
    stages = "".join(
        f'[stages.{name}]\npacket_ns = {cost}\nsource = "a benchmark"\n'
        for name, cost in (("socket", _SERVICE_NS), ("forward", 0))
    )
    table.write_text(stages)
    with emulate(MESH, cpu_model=str(table)) as net:
        lone = exchange(net, "h1", "h4", Traffic(_PAYLOAD_BYTES, _LONE_LOAD * 1e9 / _SERVICE_NS, _LONE_PACKETS))
        for load in _LOADS:
            traffic = Traffic(_PAYLOAD_BYTES, load * 1e9 / _SERVICE_NS, _PACKETS, _SEED)
            yield load, exchange(net, "h1", "h4", traffic).mean_delay_ns - lone.mean_delay_ns


def _formula_mbps(sent_mbps: float) -> float:
    return min(sent_mbps, capacity_pps(_VXLAN, _FRAME_BYTES) * _PAYLOAD_BYTES * 8 / 1e6)


def _formula_wait_ns(load: float) -> float:
    return mean_wait_ns(Cost(_SERVICE_NS), 0, load * 1e9 / _SERVICE_NS)


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
    expected = tuple((load, _formula_wait_ns(load) / 1e3) for load in loads)
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
