"""iperf3: its commands, and the figures in its reports (``--json``)."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Sequence

from emulator.system.decode import load
from emulator.system.errors import EmulationError
from emulator.system.text import one_line
from emulator.workloads.base import End, Stage, WorkloadError
from emulator.workloads.model import WorkloadRequest
from emulator.workloads.programs import Server, run_program
from emulator.workloads.transfers import INTERVAL_S, PATIENCE_S, Interval, Report, TcpTransfer, Transferred, UdpTransfer

PROGRAM = "iperf3"
PORT = 5201
INSTALL = "apt-get install iperf3"
VERSION = re.compile(r"iperf (\d\S*)")

_DOCUMENT = re.compile(r"^\{$.*?^\}$", re.MULTILINE | re.DOTALL)
_SHOWN = 300
_MOST = 1e18
_FROM_THE_REQUEST = (
    "iperf3's receiver counts the time from the request on, a round trip before the first datagram, so its rates of "
    "UDP are a little low"
)


def tcp(stage: Stage, first: End, second: End, request: WorkloadRequest, transfer: TcpTransfer) -> Transferred:
    """Transfer by TCP from the first end to the second, for whole seconds."""
    options = ["-P", str(transfer.streams)]
    options += [] if transfer.window_bytes is None else ["-w", str(transfer.window_bytes)]
    options += [] if transfer.congestion is None else ["-C", transfer.congestion]
    return _run(stage, first, second, options, transfer.duration_s, "")


def udp(stage: Stage, first: End, second: End, request: WorkloadRequest, transfer: UdpTransfer) -> Transferred:
    """Transfer by UDP from the first end to the second, for whole seconds."""
    options = ["-u", "-b", f"{transfer.rate_bps:.0f}", "-l", str(transfer.payload_bytes)]
    options += [] if transfer.buffer_bytes is None else ["-w", str(transfer.buffer_bytes)]
    return _run(stage, first, second, options, transfer.duration_s, _FROM_THE_REQUEST)


def _run(stage: Stage, first: End, second: End, options: Sequence[str], duration_s: float, remark: str) -> Transferred:
    common = [PROGRAM, "--json", "-i", f"{INTERVAL_S:g}", "-p", str(PORT)]
    seconds = math.ceil(duration_s)
    with Server(stage.lab, second, [*common, "-s"]) as server:
        server.settle()
        command = [*common, "-c", second.address, "-t", str(seconds), *options]
        began_ns = time.monotonic_ns()
        sent = run_program(stage.lab, first, command, PATIENCE_S + seconds)
        server.settle()
        received = server.output()
    return Transferred(parse(sent, "sum_sent"), parse(received, "sum_received"), remark, began_ns)


def parse(text: str, part: str) -> Report:
    """Return the report in the first JSON document of a text; ``part`` is ``sum_sent`` or ``sum_received``.

    Raises:
        WorkloadError: the text has no report, or an error of iperf3's, which it quotes.
    """
    match = _DOCUMENT.search(text)
    try:
        if match is None:
            raise ValueError(one_line(text)[-_SHOWN:] or "it said nothing")
        document = load(match[0], "the report of iperf3")
        if isinstance(document, dict) and isinstance(said := document.get("error"), str):
            raise ValueError(one_line(said)[:_SHOWN])
        ends = _of(document, "end")
        whole = _interval(_of(ends, part))
        if isinstance(ends, dict) and "sum" in ends:  # UDP, whose losses are there
            losses = _interval(ends["sum"])
            whole = Interval(
                whole.begin_s, whole.end_s, whole.rate_bps, None, losses.jitter_ms, losses.lost, losses.total
            )
        parts = _of(document, "intervals")
        if not isinstance(parts, list):
            raise ValueError("its intervals are no list")
        return Report(whole, tuple(_interval(_of(it, "sum")) for it in parts))
    except (ValueError, EmulationError) as error:
        raise WorkloadError(f"iperf3 has printed no report: {error}") from None


def _interval(value: object) -> Interval:
    """Return an interval of the JSON.

    Raises:
        ValueError: it lacks a number.
    """
    retransmissions, lost, total = (_count(value, name) for name in ("retransmits", "lost_packets", "packets"))
    return Interval(
        begin_s=_number(value, "start"),
        end_s=_number(value, "end"),
        rate_bps=_number(value, "bits_per_second"),
        retransmissions=retransmissions,
        jitter_ms=_number(value, "jitter_ms") if lost is not None else None,
        lost=lost,
        total=total,
    )


def _of(value: object, name: str) -> object:
    if not isinstance(value, dict) or name not in value:
        raise ValueError(f"it lacks {name}")
    found: object = value[name]
    return found


def _number(value: object, name: str) -> float:
    found = _of(value, name)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < _MOST:
        raise ValueError(f"{name} is no number from 0 on")
    return float(found)


def _count(value: object, name: str) -> int | None:
    """Return a count of the JSON; None if it is missing."""
    if not isinstance(value, dict) or name not in value:
        return None
    return int(_number(value, name))
