"""A small benchmark with a cell of each workload, for the tests of the report; its figures are those of real runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import gtsdsl
from emulator.bench.origin import topology
from emulator.bench.results import CellResult, Results, Topology
from emulator.workloads.model import Figure, Series, WorkloadResult
from emulator.workloads.statistics import summary
from tests.emulator.bench.samples import result, results_of

EXAMPLES = Path(__file__).parents[4] / "examples"
BASE_US = {"AMS-MIL": 36202.4, "AMS-BRA": 17402.1, "BRA-LJU": 43101.8}
ADDED_US = {"none": 0.0, "flannel:vxlan": 1.5, "weave:fastdp": 1.3}
HEADERS_BYTES = {"none": 0, "flannel:vxlan": 50, "weave:fastdp": 84}


def cell(overlay: str, circuit: str, workload: str, measured: WorkloadResult, repetition: int = 1) -> CellResult:
    return replace(
        result(overlay), circuit=circuit, workload=workload, measured=measured, repetition=repetition, seed=repetition
    )


def latency(overlay: str, circuit: str, *, shift_us: float = 0.0, netperf: bool = False) -> WorkloadResult:
    """Return the result of ten echoes; ``shift_us`` is added to all."""
    middle_us = BASE_US[circuit] + ADDED_US[overlay] + shift_us
    samples_us = tuple(middle_us + 0.1 * (number % 3) for number in range(10))
    figures = summary("rtt", samples_us, "us", sent=10)
    if netperf:
        edge_us = 1000.0 * -(-middle_us // 1000)
        for test, most_us in (("udp_rr", middle_us + 1), ("tcp_rr", 2 * middle_us)):
            values = {
                "min": middle_us,
                "mean": middle_us + (most_us - middle_us) / 10,
                "p99": edge_us - 10,
                "max": most_us,
            }
            figures += tuple(Figure(f"netperf.{test}.{name}", value, "us") for name, value in values.items())
    return WorkloadResult({}, figures, (Series("rtt", "us", samples_us, 1.0),))


def throughput(overlay: str) -> WorkloadResult:
    limit = 1000 * (1448 - HEADERS_BYTES[overlay]) / 1514
    course = (0.7 * limit, 0.99 * limit, 0.99 * limit)
    figures = [
        Figure("tcp.received", round(sum(course) / 3, 3), "Mbit/s"),
        Figure("tcp.retransmissions", 0, "segments"),
        Figure("tcp.limit", round(limit, 3), "Mbit/s"),
    ]
    for rate, lost in ((10, 0.0), (900, 0.0 if overlay == "none" else 2.5)):
        figures.append(Figure(f"udp.{rate}M.received", rate * (1 - lost / 100), "Mbit/s"))
        figures.append(Figure(f"udp.{rate}M.lost", lost, "%"))
        figures.append(Figure(f"udp.{rate}M.jitter", 0.01, "ms"))
    return WorkloadResult({"iperf": "2.1.8"}, tuple(figures), (Series("tcp.received", "Mbit/s", course, 1.0),))


def streaming(overlay: str) -> WorkloadResult:
    figures = []
    for count in (1, 4, 16, 64):
        bitrate = 1570.1 - count * (0.1 if overlay == "none" else 0.4)
        for name, value, unit in (
            ("bitrate", bitrate, "kbit/s"),
            ("bitrate_min", bitrate - 10, "kbit/s"),
            ("lost", count / 100, "%"),
            ("jitter", 0.17 + count / 1000, "ms"),
            ("first_frame", 40.0, "ms"),
        ):
            figures.append(Figure(f"clients.{count}.{name}", value, unit))
    return WorkloadResult({"gst-rtsp-server": "1.22.0"}, tuple(figures), remarks=("The queue dropped 12 packets.",))


def convergence(overlay: str) -> WorkloadResult:
    slow = ADDED_US[overlay] + 0.1
    figures = [
        Figure(f"start.{name}", slow * part, "s") for name, part in (("first", 0.5), ("mean", 0.8), ("last", 1.0))
    ]
    figures += [Figure("cut.seconds", 3 * slow, "s"), Figure("cut.lost", 30, "packets")]
    figures += [Figure("agent_killed.seconds", None, "s")]
    series = (Series("start", "s", (slow * 0.5, slow * 0.8, slow)),)
    return WorkloadResult({}, tuple(figures), series)


def encapsulation(overlay: str) -> WorkloadResult:
    figures = []
    for size in (64, 512, 1400, 9000):
        packets = -(-size // (1472 - HEADERS_BYTES[overlay]))
        wire = size + packets * (66 + HEADERS_BYTES[overlay])
        for name, value, unit in (
            ("wire_bytes", wire, "bytes"),
            ("packets", packets, "packets"),
            ("fragments", packets if packets > 1 else 0, "packets"),
            ("ratio", wire / size, ""),
        ):
            figures.append(Figure(f"{size}.{name}", value, unit))
    remark = "Ethernet 14, IP 20, UDP 8, VXLAN 8, Ethernet 14, IP 20, UDP 8"
    return WorkloadResult({"tcpdump": "4.99.3"}, tuple(figures), remarks=(remark,))


def mesh() -> Topology:
    return topology(gtsdsl.load(EXAMPLES / "full_mesh.dsl"), None)


def whole(*, netperf: bool = True) -> Results:
    """Return a benchmark with all workloads."""
    cells = [
        cell(overlay, circuit, "latency", latency(overlay, circuit, netperf=netperf))
        for circuit in BASE_US
        for overlay in ADDED_US
    ]
    cells += [cell(overlay, "AMS-MIL", "throughput", throughput(overlay)) for overlay in ADDED_US]
    cells += [cell(overlay, "AMS-BRA", "streaming", streaming(overlay)) for overlay in ADDED_US]
    cells += [cell(overlay, "all", "convergence", convergence(overlay)) for overlay in ADDED_US]
    cells += [
        cell("flannel:vxlan", f"store at {site}", "store", convergence("flannel:vxlan")) for site in ("AMS", "MIL")
    ]
    cells += [cell(overlay, "AMS-MIL", "encapsulation", encapsulation(overlay)) for overlay in ADDED_US]
    own = WorkloadResult({}, (Figure("requests", 1234.5, "1/s"),))
    cells += [cell(overlay, "AMS-MIL", "command", own) for overlay in ADDED_US]
    cells.append(replace(result("libnetwork:kv", None), circuit="AMS-MIL"))
    return results_of(*cells, topology=mesh())
