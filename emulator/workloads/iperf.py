"""iperf 2: its commands, and the figures in its reports (``--enhanced``, in bits)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence

from emulator.system.text import one_line
from emulator.workloads.base import End, Stage, WorkloadError
from emulator.workloads.model import WorkloadRequest
from emulator.workloads.programs import Server, run_program
from emulator.workloads.transfers import INTERVAL_S, PATIENCE_S, Interval, Report, TcpTransfer, Transferred, UdpTransfer

PROGRAM = "iperf"
PORT = 5001
INSTALL = "apt-get install iperf"
VERSION = re.compile(r"iperf version (\S+)")

_TIME, _COUNT = r"[0-9]{1,9}(?:\.[0-9]{1,6})?", "[0-9]{1,18}"
_LINE = re.compile(
    rf"^\[ *(?P<id>[0-9]{{1,9}}|SUM)\] +(?P<from>{_TIME})-(?P<to>{_TIME}) sec +{_COUNT} Bytes +"
    rf"(?P<rate>{_COUNT}) bits/sec(?P<rest>.*)$"
)
_WRITES = re.compile(rf"^ +{_COUNT}/{_COUNT} +(?P<retransmissions>{_COUNT})(?: |$)")
_DATAGRAMS = re.compile(rf"^ +(?P<jitter>{_TIME}) ms +(?P<lost>{_COUNT})/ *(?P<total>{_COUNT})")
_SHOWN = 300


def tcp(stage: Stage, first: End, second: End, request: WorkloadRequest, transfer: TcpTransfer) -> Transferred:
    """Transfer by TCP from the first end to the second."""
    window = [] if transfer.window_bytes is None else ["-w", str(transfer.window_bytes)]
    congestion = [] if transfer.congestion is None else ["-Z", transfer.congestion]
    streams = [] if transfer.streams == 1 else ["-P", str(transfer.streams)]
    return _run(stage, first, second, window, [*window, *congestion, *streams], transfer.duration_s)


def udp(stage: Stage, first: End, second: End, request: WorkloadRequest, transfer: UdpTransfer) -> Transferred:
    """Transfer by UDP from the first end to the second."""
    # the server reads no more of a datagram than this
    size = ["-u", "-l", str(transfer.payload_bytes)]
    buffer = [] if transfer.buffer_bytes is None else ["-w", str(transfer.buffer_bytes)]
    rate = ["-b", f"{transfer.rate_bps:.0f}"]
    return _run(stage, first, second, [*size, *buffer], [*size, *rate], transfer.duration_s)


def _run(
    stage: Stage, first: End, second: End, of_server: Sequence[str], of_client: Sequence[str], duration_s: float
) -> Transferred:
    common = [PROGRAM, "-e", "-f", "b", "-i", f"{INTERVAL_S:g}", "-p", str(PORT)]
    # a new server for each transfer: after one of UDP, that of iperf 2.1.8 dies when the next one begins
    with Server(stage.lab, second, [*common, "-s", *of_server]) as server:
        server.settle()
        command = [*common, "-c", second.address, "-t", f"{duration_s:g}", *of_client]
        began_ns = time.monotonic_ns()
        sent = run_program(stage.lab, first, command, PATIENCE_S + duration_s)
        server.settle()  # the last segments are on their way
        # the server's own words, because its report to the client can be lost
        received = server.output()
    return Transferred(parse(sent), parse(received), began_ns=began_ns)


def parse(text: str) -> Report:
    """Return the report that iperf has printed; with several streams, that of their sum.

    Raises:
        WorkloadError: the text has no report.
    """
    lines = [match for line in text.splitlines() if (match := _LINE.match(line))]
    streams = {match["id"] for match in lines}
    wanted = "SUM" if "SUM" in streams else next(iter(streams), "")
    intervals = [_interval(match) for match in lines if match["id"] == wanted]
    if not intervals:
        said = one_line(" | ".join(text.rstrip().split("\n")[-3:]))
        raise WorkloadError(f"iperf has printed no report: {said[:_SHOWN] or 'it said nothing'}")
    whole = max(intervals, key=lambda item: item.duration_s)
    return Report(whole, tuple(item for item in intervals if item is not whole))


def _interval(match: re.Match[str]) -> Interval:
    writes, datagrams = _WRITES.match(match["rest"]), _DATAGRAMS.match(match["rest"])
    return Interval(
        begin_s=float(match["from"]),
        end_s=float(match["to"]),
        rate_bps=float(match["rate"]),
        retransmissions=int(writes["retransmissions"]) if writes else None,
        jitter_ms=float(datagrams["jitter"]) if datagrams else None,
        lost=int(datagrams["lost"]) if datagrams else None,
        total=int(datagrams["total"]) if datagrams else None,
    )
