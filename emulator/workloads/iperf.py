"""iperf 2: its commands, and the figures in its reports (``--enhanced``, in bits)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from emulator.system.programs import environment, find_program
from emulator.workloads.base import WorkloadError

PROGRAM = "iperf"
PORT = 5001
INSTALL = "apt-get install iperf"

_LINE = re.compile(
    r"^\[ *(?P<id>\d+|SUM)\] +(?P<from>[\d.]+)-(?P<to>[\d.]+) sec +\d+ Bytes +(?P<rate>\d+) bits/sec(?P<rest>.*)$"
)
_WRITES = re.compile(r"^ +\d+/\d+ +(?P<retransmissions>\d+) ")
_DATAGRAMS = re.compile(r"^ +(?P<jitter>[\d.]+) ms +(?P<lost>\d+)/ *(?P<total>\d+)")
_VERSION = re.compile(r"iperf version (\S+)")


@dataclass(frozen=True, slots=True)
class Interval:
    """A line of a report. Times are seconds from the start; ``rate_bps`` is of the payload.

    ``retransmissions`` is None where the sender did not write the line, and the other three are None without UDP.
    """

    begin_s: float
    end_s: float
    rate_bps: float
    retransmissions: int | None
    jitter_ms: float | None
    lost: int | None
    total: int | None

    @property
    def duration_s(self) -> float:
        """The length of the interval."""
        return self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the line of the whole time, and those of its parts."""

    whole: Interval
    parts: tuple[Interval, ...]


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
        said = " | ".join(text.split("\n")[-3:]).strip()
        raise WorkloadError(f"iperf has printed no report: {said[:300] or 'it said nothing'}")
    whole = max(intervals, key=lambda item: item.duration_s)
    return Report(whole, tuple(_without(intervals, whole)))


@cache
def version() -> str:
    """Return the version of the installed iperf; empty if it says none."""
    path = find_program(PROGRAM)
    if path is None:
        return ""
    done = subprocess.run([path, "-v"], env=environment(os.environ), capture_output=True, text=True, check=False)
    match = _VERSION.search(done.stdout + done.stderr)
    return match[1] if match else ""


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


def _without(intervals: list[Interval], whole: Interval) -> Iterator[Interval]:
    return (item for item in intervals if item is not whole)
