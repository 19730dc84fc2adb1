"""Tell from outside, by reading the guest kernel's memory, whether its virtual clock still goes.

A program that spins without a system call stops the virtual clock for ever; one that is never idle makes it crawl.
A tick inside the guest would itself be an event in virtual time, so none is used: the clock is one number in the
memory of a process of ours (``time_travel_time``), and reading it disturbs nothing.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from emulator.kernel.cache import Symbols
from emulator.kernel.supervisor import children
from emulator.system.text import one_line

PATIENCE_S = 60.0
"""Wall time without progress after which a guest is given up: five `dockerd` need 10 s to start on two slow cores."""

_CRAWL_PATIENCES = 5
"""A clock that goes, but hardly, gets this many times as long…"""
_CRAWL_RATE = 5e-2
"""…and is given up if it is, over all that time, twenty times slower than the wall clock…"""
_SPIN_RATE = 0.25
"""…or four times, if at each look the same program was running: one that does nothing but read the clock moves it by
256 ns each time, which is 20 ms a second where a system call takes 12 µs, and 170 ms where it takes 1.5."""
_STANDSTILL_NS = 1_000_000
"""Reading the clock moves it by 256 ns: a little progress is none."""

_COMM_BYTES = 16
_FIRST_TASK = b"swapper"


class GuestMemory:
    """The memory of a running guest kernel's process, read where the kernel keeps its clock and its present task."""

    def __init__(self, pid: int, symbols: Symbols) -> None:
        """Raises:
        OSError: the process has gone, or may not be read.
        """
        self._symbols = symbols
        self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def virtual_ns(self) -> int:
        """The virtual clock: nanoseconds since the guest booted; 0 while it has not.

        Raises:
            OSError: the process has gone.
        """
        return self._number(self._symbols.time_travel_time)

    def running_task(self) -> str:
        """The name of the guest's process that runs now; empty if it cannot be told.

        Where a task has its name differs from one configuration to another: it is where the first task is called
        ``swapper``.
        """
        try:
            first = os.pread(self._descriptor, self._symbols.init_task_bytes, self._symbols.init_task)
            offset = first.find(_FIRST_TASK)
            if offset < 0:
                return ""
            name = os.pread(self._descriptor, _COMM_BYTES, self._number(self._symbols.cpu_tasks) + offset)
        except (OSError, OverflowError):
            return ""
        return one_line(name.split(b"\0")[0].decode(errors="replace"))

    def _number(self, address: int) -> int:
        return int.from_bytes(os.pread(self._descriptor, 8, address), "little")


@dataclass(frozen=True, slots=True)
class Sample:
    """What two clocks said at one moment."""

    wall_s: float
    virtual_ns: int
    task: str
    """The name of the process that ran; empty if it could not be told."""


class ClockWatchdog:
    """Judges samples of the clocks, taken about once a second."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._moved: Sample | None = None
        self._began: Sample | None = None
        self._tasks: set[str] = set()

    def verdict(self, sample: Sample) -> str | None:
        """What is wrong with the clock, as the rest of a sentence; None if nothing is."""
        if self._moved is None or self._began is None:
            self._moved = self._began = sample
            return None
        if sample.virtual_ns - self._moved.virtual_ns >= _STANDSTILL_NS:
            self._moved = sample
        still_s = sample.wall_s - self._moved.wall_s
        if still_s >= self._patience_s:
            return f"the virtual clock has stood still for {still_s:.0f} s: a program computes, and never waits"
        self._tasks.add(sample.task)
        passed_s = sample.wall_s - self._began.wall_s
        if passed_s < self._patience_s * _CRAWL_PATIENCES:
            return None
        virtual_s = (sample.virtual_ns - self._began.virtual_ns) / 1e9
        if virtual_s < passed_s * _CRAWL_RATE:
            return (
                f"the virtual clock crawls: {virtual_s:.3f} s in {passed_s:.0f} s, for something is never idle"
                " (a flood without a rate, a loop of switches)"
            )
        if virtual_s < passed_s * _SPIN_RATE and len(self._tasks) == 1 and "" not in self._tasks:
            return (
                f"the virtual clock crawls: {virtual_s:.3f} s in {passed_s:.0f} s, for a program looks at the clock"
                " again and again, and never waits"
            )
        self._began = sample
        self._tasks.clear()
        return None


def guest_process(keeper: int, executable: Path) -> int | None:
    """The guest kernel's process: the keeper's child that runs its executable; None if there is none."""
    for pid in children(keeper):
        with contextlib.suppress(OSError):
            if executable.samefile(f"/proc/{pid}/exe"):  # whatever links its path goes through
                return pid
    return None
