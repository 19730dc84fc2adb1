"""netperf: its commands, and the figures that it prints (``-k``: a line ``KEY=VALUE`` for each)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache

from emulator.system.text import one_line
from emulator.tools.choice import UsedTool, used_tool
from emulator.tools.recipes import NETPERF
from emulator.workloads.base import End, Stage, WorkloadError
from emulator.workloads.model import Figure, Program, WorkloadRequest, WorkloadResult
from emulator.workloads.programs import Server, run_program
from emulator.workloads.transfers import INTERVAL_S, PATIENCE_S, Interval, Report, TcpTransfer, Transferred

NAME = NETPERF.name
INSTALL = f"gtsdsl tools build {NAME}"
PORT = 12865
UDP_RR, TCP_RR = "UDP_RR", "TCP_RR"

_CLIENT, _SERVER = "netperf", "netserver"
_LATENCIES = {
    "min": "MIN_LATENCY",
    "mean": "MEAN_LATENCY",
    "p50": "P50_LATENCY",
    "p90": "P90_LATENCY",
    "p99": "P99_LATENCY",
    "max": "MAX_LATENCY",
    "stddev": "STDDEV_LATENCY",
}
"""The keys of netperf by the names of our figures; all are in µs."""
_RATE = "TRANSACTION_RATE"
_TRANSFER = ("THROUGHPUT", "ELAPSED_TIME", "LOCAL_TRANSPORT_RETRANS")
_LINE = re.compile(r"^([A-Z_0-9]+(?:\[\d+\])?)=(\S+)$", re.MULTILINE)
_PART = re.compile(r"^NETPERF_INTERIM_RESULT\[([0-9]{1,9})\]=", re.MULTILINE)
_SHOWN = 300
_TIMEOUT_S = 1
"""The time after which a datagram is lost."""
_WAITED = 0.9
"""The part of the timeout from which on a test has waited for a lost datagram, and not for its end."""
_HISTOGRAM = (
    "p50, p90 and p99 under `netperf.` are from netperf's histogram, and no samples: from 10 to 100 ms its buckets are "
    "1 ms wide, from 100 ms to 1 s 10 ms, and netperf interpolates in the bucket"
)
_OF_THE_SENDER = (
    "netperf's TCP_STREAM reports the receiver's rate for the whole time only; the rates within the time are the "
    "sender's, which fills the socket's buffer and the circuit's queue in bursts"
)


@cache
def used() -> UsedTool | None:
    """Return the netperf that measures on this machine; None if it has none."""
    return used_tool(NETPERF)


def programs() -> Iterator[Program]:
    """Yield the programs of this machine's netperf, the client first; none if it has none."""
    if (tool := used()) is not None:
        for name, path in zip((_CLIENT, _SERVER), tool.paths, strict=True):
            yield Program(name, path, tool.version)


def version(request: WorkloadRequest) -> str:
    """Return the version of the netperf that measures a request."""
    return _program(request, _CLIENT).version


@contextmanager
def serving(stage: Stage, end: End, request: WorkloadRequest) -> Iterator[None]:
    """Run netserver at an end within the context."""
    # in the foreground (-D), and without a file of messages in /tmp (-N)
    command = [_program(request, _SERVER).path, "-D", "-4", "-N", "-p", str(PORT)]
    with Server(stage.lab, end, command) as server:
        server.settle()
        yield


def run(stage: Stage, first: End, second: End, request: WorkloadRequest, test: str, seconds: int, *options: str) -> str:
    """Run a test of netperf from the first end to the second, on which netserver runs; return what it prints.

    ``options`` are those of the test.

    Raises:
        WorkloadError: netperf failed.
    """
    command = [_program(request, _CLIENT).path, "-4", "-P0", "-H", second.address, "-p", str(PORT), "-t", test]
    return run_program(stage.lab, first, [*command, "-l", str(seconds), *options], PATIENCE_S + seconds)


def transactions(
    stage: Stage, first: End, second: End, request: WorkloadRequest, test: str, seconds: int
) -> tuple[Figure, ...]:
    """Return the round trips of a test of transactions of one byte, ``UDP_RR`` or ``TCP_RR``, as netperf prints them.

    Raises:
        WorkloadError: netperf failed, or printed no figures.
    """
    keys = [*_LATENCIES.values(), _RATE]
    # without a timeout (-e), UDP_RR waits for a lost datagram to its end
    timeout = ["-e", str(_TIMEOUT_S)] if test == UDP_RR else []
    options = ["--", "-k", ",".join(keys), *timeout]
    found = parse(run(stage, first, second, request, test, seconds, *options), keys)
    name = _name(test)
    figures = [Figure(f"{name}.{key}", found[theirs], "us") for key, theirs in _LATENCIES.items()]
    return (*figures, Figure(f"{name}.rate", found[_RATE], "1/s"))


def remarks(result: WorkloadResult, seconds: int) -> Iterator[str]:
    """Yield what a reader of the figures of `transactions` must know; each test took ``seconds``."""
    yield _HISTOGRAM
    least, most = (result.figure(f"{_name(TCP_RR)}.{key}") for key in ("min", "max"))
    if least is not None and most is not None:
        yield (
            "netperf's TCP_RR counts the connection in its first sample, which is therefore two round trips long: the "
            f"largest sample is {most:g} us, the smallest {least:g} us; this raises its mean and its standard deviation"
        )
    mean, rate = (result.figure(f"{_name(UDP_RR)}.{key}") for key in ("mean", "rate"))
    if mean is not None and rate is not None and seconds * (1 - rate * mean / 1e6) > _WAITED * _TIMEOUT_S:
        yield (
            f"netperf's UDP_RR waited for lost datagrams, {_TIMEOUT_S} s each, which are no samples; this lowers its "
            "rate"
        )


def whole_seconds(duration_s: float) -> int:
    """Return a duration as netperf counts it, rounded up."""
    return max(1, math.ceil(duration_s))


def tcp(stage: Stage, first: End, second: End, request: WorkloadRequest, transfer: TcpTransfer) -> Transferred:
    """Transfer by TCP from the first end to the second (``TCP_STREAM``), for whole seconds.

    The report of the receiver has no parts.

    Raises:
        WorkloadError: netperf failed, or printed no figures.
    """
    # the throughput in 10^6 bits/s (-f m), and that of each second (-D)
    options = ["-f", "m", "-D", f"{INTERVAL_S:g}", "--", "-k", ",".join(_TRANSFER)]
    if transfer.congestion is not None:
        options += ["-K", f"{transfer.congestion},{transfer.congestion}"]
    if transfer.window_bytes is not None:
        options += ["-s", str(transfer.window_bytes), "-S", str(transfer.window_bytes)]
    with serving(stage, second, request):
        text = run(stage, first, second, request, "TCP_STREAM", whole_seconds(transfer.duration_s), *options)
    return transferred(text)


def transferred(text: str) -> Transferred:
    """Return the reports of a transfer that netperf has printed.

    Raises:
        WorkloadError: the text lacks a figure.
    """
    found = parse(text, _TRANSFER)
    rate_mbps, duration_s, retransmissions = (found[key] for key in _TRANSFER)
    whole = Interval(0.0, duration_s, 1e6 * rate_mbps, int(retransmissions))
    return Transferred(Report(whole, tuple(_parts(text))), Report(whole), _OF_THE_SENDER)


def _parts(text: str) -> Iterator[Interval]:
    """Yield the parts of a transfer that netperf has printed within it."""
    numbers = [match[1] for match in _PART.finditer(text)]
    pairs = [(f"NETPERF_INTERIM_RESULT[{number}]", f"NETPERF_INTERVAL[{number}]") for number in numbers]
    found = parse(text, [key for pair in pairs for key in pair])
    begin_s = 0.0
    for rate, length in pairs:
        yield Interval(begin_s, begin_s + found[length], 1e6 * found[rate])
        begin_s += found[length]


def parse(text: str, keys: Sequence[str]) -> Mapping[str, float]:
    """Return the numbers that netperf has printed, by their keys.

    Raises:
        WorkloadError: a key is missing, or its value is no number from 0 on. netperf prints -1 where it has none.
    """
    lines = dict(_LINE.findall(text))
    found = {}
    for key in keys:
        try:
            value = float(lines[key])
        except (KeyError, ValueError):
            value = -1.0
        if not 0 <= value < math.inf:
            said = lines.get(key) or one_line(text)[-_SHOWN:] or "it said nothing"
            raise WorkloadError(f"{NAME} has printed no number for {key}: {one_line(said)[:_SHOWN]}")
        found[key] = value
    return found


def _name(test: str) -> str:
    return f"{NAME}.{test.lower()}"


def _program(request: WorkloadRequest, name: str) -> Program:
    for program in request.programs:
        if program.name == name:
            return program
    raise WorkloadError(f"{name} is missing: {INSTALL}")
