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
from emulator.workloads.model import Figure, Program, WorkloadRequest
from emulator.workloads.programs import Server, run_program

NAME = NETPERF.name
INSTALL = f"gtsdsl tools build {NAME}"
PORT = 12865

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
_LINE = re.compile(r"^([A-Z_0-9]+(?:\[\d+\])?)=(\S+)$", re.MULTILINE)
_PATIENCE_S = 60.0
_SHOWN = 300


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


def run(
    stage: Stage, first: End, second: End, request: WorkloadRequest, test: str, duration_s: float, *options: str
) -> str:
    """Run a test of netperf from the first end to the second, on which netserver runs; return what it prints.

    netperf counts whole seconds, so the test lasts ``duration_s`` rounded up. ``options`` are those of the test.

    Raises:
        WorkloadError: netperf failed.
    """
    seconds = max(1, math.ceil(duration_s))
    command = [_program(request, _CLIENT).path, "-4", "-P0", "-H", second.address, "-p", str(PORT), "-t", test]
    return run_program(stage.lab, first, [*command, "-l", str(seconds), *options], _PATIENCE_S + seconds)


def transactions(
    stage: Stage, first: End, second: End, request: WorkloadRequest, test: str, duration_s: float
) -> tuple[Figure, ...]:
    """Return the round trips of a test of transactions of one byte, ``UDP_RR`` or ``TCP_RR``, as netperf prints them.

    Raises:
        WorkloadError: netperf failed, or printed no figures.
    """
    keys = [*_LATENCIES.values(), _RATE]
    found = parse(run(stage, first, second, request, test, duration_s, "--", "-k", ",".join(keys)), keys)
    name = f"{NAME}.{test.lower()}"
    figures = [Figure(f"{name}.{key}", found[theirs], "us") for key, theirs in _LATENCIES.items()]
    return (*figures, Figure(f"{name}.rate", found[_RATE], "1/s"))


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


def _program(request: WorkloadRequest, name: str) -> Program:
    for program in request.programs:
        if program.name == name:
            return program
    raise WorkloadError(f"{name} is missing: {INSTALL}")
