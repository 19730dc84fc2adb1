"""The measurement of all chains: repetitions in random order, and how much other work disturbed them."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from emulator.calibration import bursts
from emulator.calibration.bursts import Step
from emulator.calibration.chains import CHAINS, DATAGRAM, FRAME, Chain, LackError
from emulator.calibration.fit import Samples, spread
from emulator.calibration.network import Network
from emulator.netlink.connection import NetlinkError, is_missing
from emulator.system.errors import EmulationError
from gtsdsl.collector import without_collector
from gtsdsl.text import quantity

MAX_SPREAD = 0.15
"""The most that the time of a packet may vary between repetitions, as `fit.spread` gives it."""
MAX_WAITED = 0.15
"""The largest part of the time in which other work may have the processor."""

_BURSTS = 5
"""The bursts of each chain and size of a repetition, after one that warms the caches and does not count."""
_SEED = 1
_LARGEST_BURST = 64
_BURST_BYTES = 300_000
"""The memory that a burst may take in a receiver's socket: less than twice Linux's ``net.core.rmem_max``."""
_SCHEDULE = Path("/proc/thread-self/schedstat")
_STATISTICS = Path("/proc/stat")
_BASE, _BASE_BYTES, _BASE_CALLS = "socket", 1500, 2
PYTHON = "python"
"""The name of the samples of the chain ``socket`` with an idle call after each call."""
_PACKETS = {
    FRAME: "frames that are dropped at once",
    "veth": "frames over a veth pair",
    _BASE: "datagrams over a veth pair",
    PYTHON: "datagrams over a veth pair with idle system calls",
    DATAGRAM: "datagrams without encryption",
}
"""The packets of the chains whose times are subtracted from others, by the chain's last stage."""

Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The times of packets in chains, without Python's part, and what the machine did meanwhile.

    ``python_ns`` is Python's part of a packet's time, by the chain's last stage, and ``impossible`` the number of times
    that were no longer than it. ``missing`` has the stages that could not be measured, each with the reason. ``waited``
    is the part of the time in which other work had the processor ``cpu``.
    """

    samples: Samples
    python_ns: Mapping[str, float]
    missing: Mapping[str, str]
    cpu: int
    repetitions: int
    waited: float
    impossible: int = 0

    @property
    def spread(self) -> float:
        """The spread of the time of a packet of 1,500 bytes from a program to another over a veth pair."""
        return spread(self.samples[_BASE][_BASE_BYTES])

    @property
    def trouble(self) -> str:
        """The effect of other work on the measurement, if it was too much; else an empty text."""
        found = []
        if self.spread > MAX_SPREAD:
            found.append(
                f"the time of a packet varies by {self.spread:.0%} between repetitions (at most {MAX_SPREAD:.0%})"
            )
        if self.waited > MAX_WAITED:
            found.append(
                f"other work had processor {self.cpu} for {self.waited:.0%} of the time (at most {MAX_WAITED:.0%})"
            )
        if self.impossible:
            found.append(
                f"Python's part is at least as long as {quantity(self.impossible, 'measured time')} of packets"
            )
        return ", and ".join(found)

    def require_quiet(self) -> None:
        """Refuse the measurement if other work disturbed it too much.

        Raises:
            EmulationError: it did.
        """
        if self.trouble:
            raise EmulationError(
                f"this machine is too busy to be measured: {self.trouble}; end other work and try again, or write the "
                "table anyway with --force"
            )


def require_linux() -> None:
    """Refuse to measure on other systems.

    Raises:
        EmulationError: this system is not Linux.
    """
    if sys.platform != "linux":
        raise EmulationError("the costs of packets can be measured on Linux only")


@dataclass(frozen=True, slots=True)
class _Cell:
    """A chain with frames of a size: the chain's stage, the steps of a packet, and idle calls after them."""

    stage: str
    frame_bytes: int
    steps: Sequence[Step]
    idle: Sequence[Step] = ()


def measure(repetitions: int, cpu: int | None, progress: Progress, chains: Sequence[Chain] = CHAINS) -> Measurement:
    """Measure all chains with frames of all their sizes, and leave nothing behind.

    The calling process needs the rights to make networks (`user_namespace.enter`). ``cpu`` is the processor that does
    all the work; None is the default of `bursts.pinned`. ``progress`` gets a step's name and the part that is done.

    Raises:
        EmulationError: the process lacks the rights, or packets do not arrive even over a veth pair.
        OptionError: the process may not use the processor.
    """
    with contextlib.ExitStack() as stack:
        chosen = stack.enter_context(bursts.pinned(cpu))
        cells, missing = _build(stack, chains)
        idle = stack.enter_context(bursts.idle_calls())
        stack.enter_context(without_collector())
        cells += [_Cell(PYTHON, it.frame_bytes, it.steps, idle) for it in cells if it.stage == _BASE]
        samples: dict[str, dict[int, list[float | None]]] = {}
        system_calls_ns = []
        source = random.Random(_SEED)  # noqa: S311 - no secret
        begin_ns, begin_waited_ns = time.monotonic_ns(), _waited_ns(chosen)
        for number in range(repetitions):
            progress("measuring", number / repetitions)
            system_calls_ns.append(bursts.system_call_ns())
            for cell in source.sample(cells, len(cells)):
                samples.setdefault(cell.stage, {}).setdefault(cell.frame_bytes, []).append(_packet_ns(cell))
        waited = (_waited_ns(chosen) - begin_waited_ns) / (time.monotonic_ns() - begin_ns)
    for stage, columns in samples.items():
        if any(not any(column) for column in columns.values()):
            missing[stage] = "other work disturbed each burst of this chain, or its packets did not arrive at once"
    _require_base((_BASE, PYTHON), missing)
    call_ns = python_call_ns(samples, median(system_calls_ns))
    python_ns = {cell.stage: len(cell.steps) * call_ns for cell in cells if cell.stage not in {*missing, PYTHON}}
    measured, impossible = without_python(samples, python_ns)
    missing |= {
        stage: "other work disturbed the packets of this chain: Python's part is at least as long as their times"
        for stage in python_ns
        if stage not in measured
    }
    missing = with_dependents(missing, chains)
    measured = {stage: columns for stage, columns in measured.items() if stage not in missing}
    return Measurement(measured, python_ns, missing, chosen, repetitions, waited, impossible)


def with_dependents(missing: Mapping[str, str], chains: Sequence[Chain]) -> dict[str, str]:
    """Return the missing stages with those that cannot be found without them, each with the reason.

    The times of a chain's other stages are subtracted from the chain's own.

    Raises:
        EmulationError: a stage is missing that nearly all chains have.
    """
    found = dict(missing)
    for chain in chains:
        *others, stage = chain.stages
        if lost := [other for other in others if other in found]:
            found.setdefault(stage, f"the times of {_packets(lost[0])} are missing, which are subtracted")
    _require_base((FRAME, "veth", _BASE), found)
    return found


def _require_base(stages: Sequence[str], missing: Mapping[str, str]) -> None:
    """Refuse a measurement that lacks the times from which all others are found."""
    for stage in stages:
        if stage in missing:
            raise EmulationError(
                f"nothing can be measured here without the times of {_packets(stage)}: {missing[stage]}"
            )


def _packets(stage: str) -> str:
    """Return what the packets of a stage's chain are called in messages."""
    return _PACKETS.get(stage, f"the stage {stage}")


def python_call_ns(samples: Samples, system_call_ns: float) -> float:
    """Return what Python adds to a system call, in nanoseconds: one figure for all sizes of frames.

    Python does the same work for each size. The largest frames leave it less of the caches, which makes it a tenth
    slower: that is less than 1 % of their time. A size that other work disturbed does not move the median.
    """
    return median(
        bursts.python_ns(samples[_BASE][size], column, _BASE_CALLS, system_call_ns)
        for size, column in samples[PYTHON].items()
    )


def without_python(
    samples: Samples, python_ns: Mapping[str, float]
) -> tuple[dict[str, dict[int, list[float | None]]], int]:
    """Return the samples of chains without Python's part, and how many times were no longer than it.

    Such a time does not count, because no packet takes less than nothing. A chain is left out if no time of one of its
    sizes counts.
    """
    found: dict[str, dict[int, list[float | None]]] = {}
    impossible = 0
    for stage, part_ns in python_ns.items():
        columns = {
            size: [ns - part_ns if ns is not None and ns > part_ns else None for ns in column]
            for size, column in samples[stage].items()
        }
        impossible += sum(ns is not None and ns <= part_ns for column in samples[stage].values() for ns in column)
        if all(any(column) for column in columns.values()):
            found[stage] = columns
    return found, impossible


def _build(stack: contextlib.ExitStack, chains: Sequence[Chain]) -> tuple[list[_Cell], dict[str, str]]:
    """Return the cells of all chains, and why stages are missing."""
    cells: list[_Cell] = []
    missing = {}
    for chain in chains:
        with contextlib.ExitStack() as held:
            network = held.enter_context(Network())
            try:
                way = chain.build(network)
            except NetlinkError as error:
                if not is_missing(error) or not chain.facility:
                    raise
                missing[chain.stage] = f"this kernel has no {chain.facility}: load it with `modprobe {chain.module}`"
                continue
            except LackError as error:
                missing[chain.stage] = str(error)
                continue
            cells += [_Cell(chain.stage, size, way(size)) for size in chain.frames_bytes]
            stack.enter_context(held.pop_all())
    return cells, missing


def _count(frame_bytes: int) -> int:
    """Return how many packets a burst has. The kernel counts up to twice a packet's bytes, and its own structures."""
    return max(2, min(_LARGEST_BURST, _BURST_BYTES // (2 * frame_bytes + 1024)))


def _packet_ns(cell: _Cell) -> float | None:
    """Return the median of some bursts, with Python's part; None if no burst counts."""
    count = _count(cell.frame_bytes)
    bursts.burst_ns(cell.steps, count, cell.idle)
    found = [ns for _ in range(_BURSTS) if (ns := bursts.burst_ns(cell.steps, count, cell.idle)) is not None]
    return median(found) if found else None


def _waited_ns(cpu: int) -> float:
    """Return how long other work kept the calling thread from its processor so far, in nanoseconds.

    This is the time in which the thread was ready and did not run, and the time that a hypervisor took from the
    processor (steal). A kernel without CONFIG_SCHED_INFO does not count the former.
    """
    waited_ns = 0.0
    with contextlib.suppress(OSError, IndexError, ValueError):
        waited_ns += int(_SCHEDULE.read_text().split()[1])
    with contextlib.suppress(OSError, IndexError, ValueError):
        for line in _STATISTICS.read_text().splitlines():
            name, *ticks = line.split()
            if name == f"cpu{cpu}":
                waited_ns += int(ticks[7]) * 1e9 / os.sysconf("SC_CLK_TCK")
    return waited_ns
