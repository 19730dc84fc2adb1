"""The throughput of TCP, and of UDP at several rates, by iperf 2; the receiver's figures count."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from emulator.measure.echo import ETHERNET_BYTES
from emulator.measure.mtu import path_mtu_bytes
from emulator.system.programs import find_program
from emulator.workloads import iperf
from emulator.workloads.base import End, Stage, Workload
from emulator.workloads.model import Figure, Series, WorkloadRequest, WorkloadResult
from emulator.workloads.programs import Server, run_program

_WINDOW = "4M"
"""The socket buffers, as large as the guest allows (``rmem_max``): more than the delay-bandwidth product of each
circuit of the study at 1 Gbit/s, 7 MB for the longest at most."""
_UDP_PARTS = (0.01, 0.1, 0.5, 0.9)
"""The rates of UDP as parts of the circuit's rate: 10, 100, 500 and 900 Mbit/s of 1 Gbit/s."""
_UDP_S = 2.0
"""The longest measurement of one rate of UDP. A datagram costs 27 µs of processor time, so 10 s at 900 Mbit/s 21 s."""
_IP_UDP_BYTES = 28
_IP_TCP_BYTES = 20 + 20 + 12
"""The headers of TCP's segments, with time stamps, as Linux sends them."""
_SETTLE_S = 1.0
_PATIENCE_S = 60.0
_INTERVAL_S = 1.0


class Throughput(Workload):
    """TCP for the duration, then UDP at each rate for at most two seconds of it."""

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the program iperf."""
        if (path := find_program(iperf.PROGRAM)) is not None:
            yield Path(path)

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence if iperf is missing."""
        if find_program(iperf.PROGRAM) is None:
            yield f"iperf is missing: {iperf.INSTALL}"

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure TCP and UDP, one after the other."""
        first, second = stage.ends(request)
        mtu_bytes = path_mtu_bytes(first.namespace, second.address)
        figures, series = _tcp(stage, first, second, request, mtu_bytes)
        for rate_bps in _udp_rates_bps(stage, request):
            measured = _udp(stage, first, second, rate_bps, mtu_bytes, min(_UDP_S, request.duration_s))
            figures, series = (*figures, *measured[0]), (*series, *measured[1])
        return WorkloadResult({iperf.PROGRAM: iperf.version()}, figures, series)


_Measured = tuple[tuple[Figure, ...], tuple[Series, ...]]


def _tcp(stage: Stage, first: End, second: End, request: WorkloadRequest, mtu_bytes: int) -> _Measured:
    sent, received = _run(stage, first, second, ["-w", _WINDOW], ["-w", _WINDOW, "-t", f"{request.duration_s:g}"])
    figures = [
        Figure("tcp.received", received.whole.rate_bps / 1e6, "Mbit/s"),
        Figure("tcp.retransmissions", sent.whole.retransmissions, "segments"),
    ]
    if (limit_bps := stage.rate_bps(request)) is not None:
        overhead_bytes = stage.deployment.overlay.overhead_bytes if request.level == "containers" else 0
        share = (mtu_bytes - _IP_TCP_BYTES) / (mtu_bytes + ETHERNET_BYTES + overhead_bytes)
        figures.append(Figure("tcp.limit", round(limit_bps * share / 1e6, 3), "Mbit/s"))
    return tuple(figures), (_rates("tcp.received", received.parts),)


def _udp(stage: Stage, first: End, second: End, rate_bps: float, mtu_bytes: int, duration_s: float) -> _Measured:
    name = f"udp.{rate_bps / 1e6:g}M"
    client = ["-u", "-b", f"{rate_bps:.0f}", "-l", str(mtu_bytes - _IP_UDP_BYTES), "-t", f"{duration_s:g}"]
    _, received = _run(stage, first, second, ["-u"], client)
    whole = received.whole
    lost = None if not whole.total or whole.lost is None else round(100 * whole.lost / whole.total, 4)
    figures = (
        Figure(f"{name}.received", whole.rate_bps / 1e6, "Mbit/s"),
        Figure(f"{name}.lost", lost, "%"),
        Figure(f"{name}.jitter", whole.jitter_ms, "ms"),
    )
    return figures, (_rates(f"{name}.received", received.parts),)


def _run(
    stage: Stage, first: End, second: End, of_server: Sequence[str], of_client: Sequence[str]
) -> tuple[iperf.Report, iperf.Report]:
    """Run iperf from the first end to the second; return the reports of both."""
    common = [iperf.PROGRAM, "-e", "-f", "b", "-i", f"{_INTERVAL_S:g}", "-p", str(iperf.PORT)]
    with Server(stage.lab, second, [*common, "-s", *of_server]) as server:
        time.sleep(_SETTLE_S)
        command = [*common, "-c", second.address, *of_client]
        sent = run_program(stage.lab, first, command, _PATIENCE_S + float(of_client[-1]))
        time.sleep(_SETTLE_S)  # the last segments are on their way
        received = server.output()
    return iperf.parse(sent), iperf.parse(received)


def _rates(name: str, parts: Sequence[iperf.Interval]) -> Series:
    return Series(name, "Mbit/s", tuple(round(part.rate_bps / 1e6, 3) for part in parts), _INTERVAL_S)


def _udp_rates_bps(stage: Stage, request: WorkloadRequest) -> Iterator[float]:
    if (limit_bps := stage.rate_bps(request)) is not None:
        yield from (limit_bps * part for part in _UDP_PARTS)


WORKLOAD = Throughput()
"""The workload ``throughput``."""
