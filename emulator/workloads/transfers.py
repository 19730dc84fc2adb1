"""Transfers of data between two ends, as values: what a tool is asked for, and what both of its ends report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from emulator.workloads.base import End, Stage
from emulator.workloads.model import WorkloadRequest

INTERVAL_S = 1.0
"""The time between two lines of a report."""
PATIENCE_S = 60.0
"""The longest time beyond its duration that a transfer may take, in the network's clock."""


@dataclass(frozen=True, slots=True)
class TcpTransfer:
    """TCP for a duration. ``congestion`` and ``window_bytes`` are the kernel's own if they are None."""

    duration_s: float
    congestion: str | None = None
    window_bytes: int | None = None
    streams: int = 1


@dataclass(frozen=True, slots=True)
class UdpTransfer:
    """UDP for a duration: datagrams with ``payload_bytes``, at a rate of the payload.

    ``buffer_bytes`` is what the receiver asks for its socket; None is the kernel's default.
    """

    duration_s: float
    rate_bps: float
    payload_bytes: int
    buffer_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """A line of a report. Times are seconds from the start; ``rate_bps`` is of the payload.

    ``retransmissions`` is None where the sender did not write the line, and the other three are None without UDP.
    """

    begin_s: float
    end_s: float
    rate_bps: float
    retransmissions: int | None = None
    jitter_ms: float | None = None
    lost: int | None = None
    total: int | None = None

    @property
    def duration_s(self) -> float:
        """The length of the interval."""
        return self.end_s - self.begin_s

    @property
    def lost_percent(self) -> float | None:
        """The lost part of the datagrams; None if it is unknown, or if there were none."""
        return None if not self.total or self.lost is None else round(100 * self.lost / self.total, 4)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: the line of the whole time, and those of its parts."""

    whole: Interval
    parts: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Transferred:
    """The reports of both ends. ``remark`` says what a reader must know about this tool's figures; it may be empty.

    ``began_ns`` is when the sender was started, in the network's clock; None if that is unknown.
    """

    sent: Report
    received: Report
    remark: str = ""
    began_ns: int | None = None


Tcp: TypeAlias = Callable[[Stage, End, End, WorkloadRequest, TcpTransfer], Transferred]
"""Transfers by TCP from the first end to the second; raises WorkloadError if the tool fails."""
Udp: TypeAlias = Callable[[Stage, End, End, WorkloadRequest, UdpTransfer], Transferred]
"""Transfers by UDP, as `Tcp`."""
