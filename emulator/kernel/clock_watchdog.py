"""Clock watchdog: it reads the guest kernel's memory from outside, and tells when the virtual clock stands still.

A program that spins without a system call stops the virtual clock for ever; one that is never idle makes it crawl.
The watchdog sends no tick into the guest, because a tick would be an event in virtual time. It reads the clock as a
number (``time_travel_time``) in the memory of the guest kernel's process, which disturbs nothing.

Progress is judged by the guest's own processor time, because on a busy machine a guest that works gets little of it.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from emulator.kernel.cache import Symbols
from emulator.kernel.supervisor import children
from emulator.system.closing import Closing
from emulator.system.text import one_line

PATIENCE_S = 60.0
"""Processor time without progress after which a guest is ended; five `dockerd` need 10 s to start on two slow cores."""
_LEAST_SHARE = 0.2
"""The least part of the wall time that counts as worked, so that a guest that waits for nothing ends, too."""

_CRAWL_PATIENCES = 5
"""The time, in patiences, over which a clock that does move is judged."""
_CRAWL_RATE = 5e-2
"""The least virtual time per worked time over that period; a slower clock crawls."""
_SPIN_RATE = 0.25
"""The least virtual time per worked time if each sample showed the same program.

A program that only reads the clock moves it by 256 ns each time: 20 ms a second where a system call takes 12 µs, and
170 ms a second where it takes 1.5 µs.
"""
_STANDSTILL_NS = 1_000_000
"""The least progress that counts, because reading the clock moves it by 256 ns."""
_COMM_BYTES = 16
_FIRST_TASK = b"swapper"


class GuestMemory(Closing):
    """The memory of a guest kernel's process, from which the virtual clock and the running task are read."""

    def __init__(self, pid: int, symbols: Symbols) -> None:
        """Open the memory of the process ``pid``.

        Raises:
            OSError: the process has ended, or its memory may not be read.
        """
        self._symbols = symbols
        self._descriptor = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)

    def close(self) -> None:
        """Close the guest's memory."""
        os.close(self._descriptor)

    def virtual_ns(self) -> int:
        """Return the virtual clock: nanoseconds since the guest booted, and 0 before that.

        Raises:
            OSError: the process has ended.
        """
        return self._number(self._symbols.time_travel_time)

    def running_task(self) -> str:
        """Return the name of the guest's process that runs now; an empty string if it cannot be found.

        The place of the name in a task depends on the kernel's configuration. It is the place of ``swapper`` in the
        first task.
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
    """The clocks at one moment: of the wall, of the guest's processor time, and the virtual one."""

    wall_s: float
    processor_s: float
    virtual_ns: int
    task: str
    """Name of the process that ran; empty if it was not found."""


class ClockWatchdog:
    """A detector of a virtual clock that stands still or crawls; its input is a sample of the clocks once a second."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._moved: Sample | None = None
        self._began: Sample | None = None
        self._tasks: set[str] = set()

    def verdict(self, sample: Sample) -> str | None:
        """Return what is wrong with the clock, as the beginning of a message; None if nothing is wrong."""
        if self._moved is None or self._began is None:
            self._moved = self._began = sample
            return None
        if sample.virtual_ns - self._moved.virtual_ns >= _STANDSTILL_NS:
            self._moved = sample
        if _worked_s(self._moved, sample) >= self._patience_s:
            stood = f"{self._patience_s:g} s"  # what a user set, not when the last sample was taken
            return f"the virtual clock has stood still for {stood}, because a program computes and never waits"
        self._tasks.add(sample.task)
        passed_s = _worked_s(self._began, sample)
        if passed_s < self._patience_s * _CRAWL_PATIENCES:
            return None
        virtual_s = (sample.virtual_ns - self._began.virtual_ns) / 1e9
        if virtual_s < passed_s * _CRAWL_RATE:
            return (
                f"the virtual clock crawls: {virtual_s:.3f} s in {passed_s:.0f} s, because a program is never idle"
                " (a flood without a rate, a loop of switches)"
            )
        if virtual_s < passed_s * _SPIN_RATE and len(self._tasks) == 1 and "" not in self._tasks:
            return (
                f"the virtual clock crawls: {virtual_s:.3f} s in {passed_s:.0f} s, because a program reads the clock"
                " again and again and never waits"
            )
        self._began = sample
        self._tasks.clear()
        return None


def _worked_s(first: Sample, last: Sample) -> float:
    """Return how long a guest worked between two samples, as far as that can be told from outside."""
    return max(last.processor_s - first.processor_s, (last.wall_s - first.wall_s) * _LEAST_SHARE)


def processor_s(pid: int) -> float:
    """Return the processor time of a guest in seconds: of its kernel's process, and of those that run its programs.

    A process that ends meanwhile may be missing.

    Raises:
        OSError: the guest has ended.
    """
    ticks = sum(_ticks(pid))
    for child in children(pid):
        with contextlib.suppress(OSError):
            ticks += sum(_ticks(child)[:2])
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> list[int]:
    """Return the clock ticks of a process as user and in the kernel, and those of its children that have ended."""
    return [int(text) for text in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]


def guest_process(supervisor: int, executable: Path) -> int | None:
    """Return the guest kernel's process, the supervisor's child that runs ``executable``; None if it is missing."""
    for pid in children(supervisor):
        with contextlib.suppress(OSError):
            if executable.samefile(f"/proc/{pid}/exe"):  # the same file, even if the path has links
                return pid
    return None
