"""Round-trip times between two ends: by echoes of which each sample is kept, and by transactions of netperf."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from emulator.measure.echo import Echo
from emulator.workloads import netperf
from emulator.workloads.base import End, Stage, Workload
from emulator.workloads.model import Figure, Program, Series, WorkloadRequest, WorkloadResult
from emulator.workloads.settings import parse, setting
from emulator.workloads.statistics import summary

_Samples = tuple[float, ...]

_PATIENCE_S = 5.0
_WARM_UP = 3
"""Echoes before the first one that counts: they find neighbours, set up tunnels and fill caches."""
_MOST_ECHOES = 1_000_000
"""The most samples that a result keeps, of some ten bytes each."""
_ECHO: Final = "echo"


@dataclass(frozen=True, slots=True)
class LatencySettings:
    """The settings of the workload."""

    tools: tuple[Literal["echo", "udp_rr", "tcp_rr"], ...] = setting(
        (_ECHO,), "What measures, one after the other: echo (gtsdsl's own echoes), udp_rr, tcp_rr (netperf's tests)."
    )
    interval_s: float = setting(1.0, "Seconds between two echoes; 0 sends each after the reply to the last.", most=3600)
    netperf_duration_s: int | None = setting(
        None, "Seconds of each test of netperf; the default is --duration, rounded up.", least=1, most=1_000_000
    )


class Latency(Workload):
    """Echoes for the duration, then each test of netperf for its own."""

    settings = LatencySettings

    def programs(self, request: WorkloadRequest) -> Iterator[Program]:
        """Yield the programs of netperf, if it measures."""
        if _uses_netperf(_settings(request)):
            yield from netperf.programs()

    def files(self, request: WorkloadRequest) -> Iterator[Path]:
        """Yield the programs of netperf, if it measures."""
        yield from (Path(program.path) for program in self.programs(request))

    def lacks(self, request: WorkloadRequest) -> Iterator[str]:
        """Yield a sentence if netperf is missing, or if the echoes are too many."""
        settings = _settings(request)
        if _uses_netperf(settings) and netperf.used() is None:
            yield f"netperf is missing: {netperf.INSTALL}, or measure with --setting latency.tools={_ECHO}"
        count = _count(settings, request)
        if count is not None and count > _MOST_ECHOES:
            yield (
                f"latency would send {count} echoes, and keeps at most {_MOST_ECHOES}: choose a longer "
                "latency.interval_s or a shorter --duration"
            )

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure the round trips."""
        settings = _settings(request)
        first, second = stage.ends(request)
        sent, samples_us = _echoes(first, second, settings, request)
        found = WorkloadResult({}, ())
        if _ECHO in settings.tools:
            series = Series("rtt", "us", samples_us, settings.interval_s or None)
            full = f"the echoes ended after {_MOST_ECHOES}, the most that a result keeps"
            remarks = (full,) if settings.interval_s == 0 and sent == _MOST_ECHOES else ()
            found = WorkloadResult({}, summary("rtt", samples_us, "us", sent=sent), (series,), remarks)
        tests = [tool.upper() for tool in settings.tools if tool != _ECHO]
        return found if not tests else _with_netperf(found, stage, request, settings, tests)


def _settings(request: WorkloadRequest) -> LatencySettings:
    return parse(LatencySettings, request.settings, request.name)


def _uses_netperf(settings: LatencySettings) -> bool:
    return any(tool != _ECHO for tool in settings.tools)


def _count(settings: LatencySettings, request: WorkloadRequest) -> int | None:
    """Return how many echoes are sent; None if that is known only at the end, because each follows the last."""
    if _ECHO not in settings.tools:
        return 0
    return None if settings.interval_s == 0 else max(1, round(request.duration_s / settings.interval_s))


def _echoes(first: End, second: End, settings: LatencySettings, request: WorkloadRequest) -> tuple[int, _Samples]:
    """Send echoes, and return their number and the samples in µs; those of the warm-up do not count."""
    samples_us = []
    sent, count = 0, _count(settings, request)
    with Echo(first.namespace, first.address) as echo:
        for number in range(-_WARM_UP, 0):
            echo.round_trip_ns(second.address, number & 0xFFFF, _PATIENCE_S)
        end_s = time.monotonic() + (request.duration_s if count is None else math.inf)
        for number in range(_MOST_ECHOES if count is None else count):
            began_s = time.monotonic()
            if began_s >= end_s:
                break
            sent += 1
            found_ns = echo.round_trip_ns(second.address, number & 0xFFFF, _PATIENCE_S)
            if found_ns is not None:
                samples_us.append(found_ns / 1000)
            time.sleep(max(0.0, began_s + settings.interval_s - time.monotonic()))
    return sent, tuple(samples_us)


def _with_netperf(
    found: WorkloadResult, stage: Stage, request: WorkloadRequest, settings: LatencySettings, tests: Sequence[str]
) -> WorkloadResult:
    """Return a result with the figures of tests of netperf added."""
    first, second = stage.ends(request)
    duration_s = netperf.whole_seconds(settings.netperf_duration_s or request.duration_s)
    figures: tuple[Figure, ...] = ()
    with netperf.serving(stage, second, request):
        for test in tests:
            figures += netperf.transactions(stage, first, second, request, test, duration_s)
    remarks = tuple(netperf.remarks(WorkloadResult({}, figures), duration_s))
    tools = {netperf.NAME: netperf.version(request)}
    return WorkloadResult(tools, found.figures + figures, found.series, found.remarks + remarks)


WORKLOAD = Latency()
"""The workload ``latency``."""
