"""The model of processors beside the real clock: a table is measured here, and then cases that it was not measured on.

It writes its table into docs/cpu.md. It takes three minutes on this machine's own kernel, for which the machine should
have nothing else to do. It needs root, two processors, iperf 2, iptables, iproute2 and a guest kernel.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import cpu_chains, cpu_tools
from benchmarks.cpu_chains import HEADERS_BYTES, Chain
from benchmarks.cpu_tools import Flow
from emulator.bench.report.numbers import signed
from emulator.calibration.document import table_text
from emulator.calibration.measurement import Measurement
from emulator.calibration.measurement import measure as calibrate
from emulator.cpu.model import CpuModel, capacity_pps
from emulator.cpu.reader import parse_table
from emulator.cpu.table import Cost, CostTable
from emulator.system.machine import processor, system
from gtsdsl.source import Source

MOST_ERROR = 0.15
"""The error above which the table says that the model is off, and why."""
PAGE = Path(__file__).resolve().parents[1] / "docs" / "cpu.md"
_BEGIN, _END = "<!-- validation -->", "<!-- end -->"
_CALIBRATION, _CHAINS, _TOOLS = 150, 101, 7
"""How often each chain of the calibration, each chain and each case of a tool is measured."""
_MSS_BYTES, _SEGMENTS = 1448, 45
"""The data of a segment, and the most segments of a packet with offload (64 KB)."""
_TCP_HEADERS_BYTES = 66

_WAKING = (
    "the work of iperf itself, the interrupts between processors and the waking of a program cost nothing in the model"
)
_FLOOD = (
    f"{_WAKING}, and neither does the work on packets that are lost behind the core: in a flood, that work keeps the "
    "receiving program from its processor"
)
_OFFLOAD = f"{_WAKING}, and bytes that are not in the processor's cache cost more than those of the calibration"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case: what the formula and the guest predict, and the measured values, in the ``unit``."""

    name: str
    unit: str
    formula: float
    measured: Sequence[float]
    guest: float | None = None
    why: str = ""

    @property
    def error(self) -> float:
        """How far the prediction is from the median of what was measured: 0.1 is 10 % too high."""
        return (self.formula if self.guest is None else self.guest) / median(self.measured) - 1


def flows() -> list[Flow]:
    """Return the cases of iperf 2."""
    return [
        Flow("iperf 2, UDP, 1,470 bytes of data", 1470, why=_FLOOD),
        Flow("iperf 2, UDP, 64 bytes of data", 64, why=_FLOOD),
        Flow("iperf 2, UDP, two flows over VXLAN, 1,400 bytes of data", 1400, flows=2, over=1, why=_FLOOD),
        Flow("iperf 2, TCP without offload", offload=False, why=_WAKING),
        Flow("iperf 2, TCP with offload", why=_OFFLOAD),
    ]


def chain_ns(chain: Chain, table: CostTable) -> float:
    """Return the time of a packet through a chain by the formula."""
    costs = (table.stages[stage].cost * count for stage, count in chain.stages.items())
    return sum(costs, Cost()).of(chain.frame_bytes)


def with_circuit(text: str, table: CostTable) -> str:
    """Return the text of a table with the stage ``nic``: each end of the veth pair that stands for a circuit."""
    half = table.stages["veth"].cost * 0.5
    source = "half of the pair of interfaces that stands for the circuit"
    return f'{text}\n[stages.nic]\npacket_ns = {half.packet_ns}\nbyte_ns = {half.byte_ns}\nsource = "{source}"\n'


def flow_bps(flow: Flow, model: CpuModel) -> float:
    """Return the rate at which data arrive by the formula, in bits a second, if each host has one core."""
    cost = model.cost(("nic", "socket", *("vxlan",) * flow.over))
    if flow.payload_bytes:
        return 8 * flow.payload_bytes * capacity_pps(cost, flow.payload_bytes + HEADERS_BYTES + 50 * flow.over)
    acknowledgement_ns = cost.of(_TCP_HEADERS_BYTES)
    if not flow.offload:
        data_bytes, work_ns = 2 * _MSS_BYTES, 2 * cost.of(_MSS_BYTES + _TCP_HEADERS_BYTES)
    else:
        data_bytes = _SEGMENTS * _MSS_BYTES
        work_ns = cost.of(data_bytes + _TCP_HEADERS_BYTES)
    return 8e9 * data_bytes / (work_ns + acknowledgement_ns)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the interval (95 %) of the median by order statistics; of fewer than six values, the least and the most.

    The chance that the median is below the k-th smallest of n values is that of fewer than k heads in n throws.
    """
    ordered, count = sorted(values), len(values)
    chance, outside, ways = 0.5**count, 0, 1
    below = chance
    while below <= 0.025 and outside < count // 2:
        outside += 1
        ways = ways * (count - outside + 1) // outside
        below += ways * chance
    outside = max(outside - 1, 0)
    return ordered[outside], ordered[-1 - outside]


def page_lines(outcomes: Sequence[Outcome], trouble: str = "") -> Iterator[str]:
    """Yield the lines of the table in Markdown, and the likely reasons where the model is off.

    ``trouble`` is what other work did to the calibration. No reason can be told then.
    """
    yield "| case | formula | in the guest | measured, median (95 %) | error |"
    yield "| --- | --- | --- | --- | --- |"
    for it in outcomes:
        low, high = interval(it.measured)
        guest = "" if it.guest is None else _number(it.guest)
        measured = f"{_number(median(it.measured))} ({_number(low)} to {_number(high)})"
        error = f"{signed(it.error * 100, 0)} %"
        marked = f"**{error}**" if abs(it.error) > MOST_ERROR else error
        yield f"| {it.name} | {_number(it.formula)} {it.unit} | {guest} | {measured} | {marked} |"
    reasons: dict[str, list[str]] = {}
    for it in outcomes:
        if abs(it.error) > MOST_ERROR:
            reasons.setdefault(it.why, []).append(it.name)
    count = sum(map(len, reasons.values()))
    yield ""
    yield f"The model is off by more than {MOST_ERROR * 100:.0f} % in {count} of these {len(outcomes)} cases."
    if trouble:
        yield ""
        yield _filled(f"**The machine was too busy:** {trouble}. So no reason can be told: run it on an idle machine.")
        return
    if reasons:
        yield ""
    for why, names in reasons.items():
        yield _filled(f"- {'; '.join(names)}. The likely reason: {why or 'unknown'}.", "  ")


def in_page(page: str, lines: Sequence[str]) -> str:
    """Return a page with the lines between its marks.

    Raises:
        ValueError: the page lacks a mark.
    """
    begin = page.index(_BEGIN) + len(_BEGIN)
    end = page.index(_END, begin)
    return f"{page[:begin]}\n\n" + "".join(f"{line}\n" for line in lines) + f"\n{page[end:]}"


def main() -> int:
    """Measure, write the table into the page, and return 0: an error is a finding here, not a missed goal."""
    _require()
    load, began_s = os.getloadavg()[0], time.monotonic()
    calibration = calibrate(_CALIBRATION, None, lambda _step, _part: None)
    text = table_text(calibration, "python -m benchmarks cpu-validation")
    table = parse_table(Source("machine.toml", text))
    text = with_circuit(text, table)
    model = CpuModel.of(parse_table(Source("machine.toml", text)), {}, offload=True)
    chains = [it for it in cpu_chains.chains() if it.stages.keys() <= table.stages.keys()]
    for lack in cpu_chains.measure(chains, _CHAINS):
        print(f"left out: {lack}", file=sys.stderr)
    outcomes = [
        Outcome(it.name, "ns", chain_ns(it, table), it.times_ns, why=it.why) for it in chains if len(it.times_ns) > 1
    ]
    for flow in flows():
        if flow.over and "vxlan" not in table.stages:
            continue
        rates = [bps / 1e6 for bps in cpu_tools.measure(flow, _TOOLS)]
        guest = None if flow.over else cpu_tools.predict(flow, text) / 1e6
        outcomes.append(Outcome(flow.name, "Mbit/s", flow_bps(flow, model) / 1e6, rates, guest, flow.why))
    lines = [conditions(calibration, load), "", *page_lines(outcomes, calibration.trouble)]
    print("\n".join(lines))
    PAGE.write_text(in_page(PAGE.read_text(encoding="utf-8"), lines), encoding="utf-8")
    print(f"written to {PAGE} after {time.monotonic() - began_s:.0f} s", file=sys.stderr)
    return 0


def conditions(calibration: Measurement, load: float) -> str:
    """Return the lines that say how busy the machine was."""
    busy = " `gtsdsl cpu calibrate` would have refused so busy a machine, and a quiet one gives iperf higher rates."
    return _filled(
        f"Measured on {processor()}, {system()}, with a load average of {load:.1f} at the start. During the "
        f"calibration, other work had the processor for {calibration.waited * 100:.0f} % of the time, and the time of "
        f"a packet varied by {calibration.spread * 100:.0f} %.{busy if calibration.trouble else ''}"
    )


def _require() -> None:
    programs = ("iperf", "iptables-restore", "nsenter", "taskset", "unshare")
    if missing := [name for name in programs if shutil.which(name) is None]:
        sys.exit(f"the benchmark of validation needs {', '.join(missing)}: install iperf, iptables and util-linux")
    if os.geteuid() != 0:
        sys.exit("the benchmark of validation needs root, because it steers packets to processors: run it as root")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("the benchmark of validation needs two processors, one for each host")


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(text, 120, subsequent_indent=indent)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"
