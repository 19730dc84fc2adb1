"""A trace to its steps: slots of a bandwidth, and delays, each at its time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TypeVar

from emulator.netlink.qdiscs import Slot
from gtsdsl.model.units import MTU_BYTES
from gtsdsl.scenario.model import Trace

_SAME_SLOT_NS = 100_000_000
"""The time after which a slot that goes on is opened anew, so that a real clock's delays do not add up."""
_Item = TypeVar("_Item")


def slots(trace: Trace, begin_ns: int, end_ns: int | None) -> Iterator[tuple[int, Slot]]:
    """Yield the slots of a trace of bandwidth, each with the time from which it repeats itself.

    Opportunities at one time are one slot with as many packets. The first is at ``begin_ns`` itself, where the trace
    begins. Slots of which the one before is the same, as far away, need no step of their own.
    """
    times = itertools.groupby(_opportunities(trace, begin_ns, end_ns))
    counted = ((time_ns, sum(1 for _ in group)) for time_ns, group in times)
    before, since_ns = None, begin_ns
    for (time_ns, packets), (next_ns, _) in itertools.pairwise(counted):
        slot = Slot(next_ns - time_ns, packets)
        if slot != before or time_ns - since_ns >= _SAME_SLOT_NS:
            yield time_ns, slot
            before, since_ns = slot, time_ns


def _opportunities(trace: Trace, begin_ns: int, end_ns: int | None) -> Iterator[int]:
    first = True
    for offset_ns in _rounds(trace, begin_ns, end_ns):
        for time_us in trace.times_us:
            yield begin_ns if first else offset_ns + time_us * 1000
            first = False


def delays(trace: Trace, begin_ns: int, end_ns: int | None) -> Iterator[tuple[int, int]]:
    """Yield the one-way delays of a trace in microseconds, each with the time from which it holds."""
    for offset_ns in _rounds(trace, begin_ns, end_ns):
        for time_us, delay_us in zip(trace.times_us[:-1], trace.delays_us, strict=False):  # the last line is the end
            yield offset_ns + time_us * 1000, delay_us


def _rounds(trace: Trace, begin_ns: int, end_ns: int | None) -> Iterator[int]:
    """Yield the time at which each round of a trace begins, until the end."""
    for number in itertools.count():
        offset_ns = begin_ns + number * trace.length_us * 1000
        if (number and not trace.repeats) or (end_ns is not None and offset_ns >= end_ns):
            return
        yield offset_ns


def mean_rate_bps(trace: Trace) -> int:
    """Return the mean rate of a trace of bandwidth."""
    return len(trace.times_us) * MTU_BYTES * 8 * 10**6 // trace.length_us
