"""Round-trip times between two ends, by echoes of which each sample is kept."""

from __future__ import annotations

import time

from emulator.measure.echo import Echo
from emulator.workloads.base import End, Stage, Workload
from emulator.workloads.model import Series, WorkloadRequest, WorkloadResult
from emulator.workloads.statistics import summary

_INTERVAL_S = 1.0
_PATIENCE_S = 5.0
_WARM_UP = 3
"""Echoes before the first one that counts: they find neighbours, set up tunnels and fill caches."""


class Latency(Workload):
    """Echoes one second apart for the duration."""

    def run(self, stage: Stage, request: WorkloadRequest) -> WorkloadResult:
        """Measure the round trips."""
        first, second = stage.ends(request)
        count = max(1, round(request.duration_s / _INTERVAL_S))
        samples_us = _echoes(first, second, count)
        return WorkloadResult(
            {}, summary("rtt", samples_us, "us", sent=count), (Series("rtt", "us", samples_us, _INTERVAL_S),)
        )


def _echoes(first: End, second: End, count: int) -> tuple[float, ...]:
    samples_us = []
    with Echo(first.namespace, first.address) as echo:
        for number in range(-_WARM_UP, count):
            began_s = time.monotonic()
            found_ns = echo.round_trip_ns(second.address, number & 0xFFFF, _PATIENCE_S)
            if number >= 0 and found_ns is not None:
                samples_us.append(found_ns / 1000)
            time.sleep(max(0.0, began_s + _INTERVAL_S - time.monotonic()))
    return tuple(samples_us)


WORKLOAD = Latency()
"""The workload ``latency``."""
