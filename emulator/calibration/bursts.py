"""The processor time of packets: bursts of equal system calls by one thread, and what Python adds to each call.

On a veth pair, the kernel carries a packet to the receiver's socket within the system call that sends it, on the same
processor. So a thread that sends a burst and then receives it does all the work of the burst itself. The burst's time
by the monotonic clock is processor time if the thread was never switched away in it; a burst with a switch is not
counted. Processor clocks of threads would not do: some kernels leave the work of interrupts out of them
(CONFIG_IRQ_TIME_ACCOUNTING), and it is that work which carries the packet.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import repeat, zip_longest
from pathlib import Path
from statistics import median
from typing import TypeAlias

from emulator.system.errors import OptionError

Step: TypeAlias = Callable[[], object]
"""One system call for one packet, such as a ``send`` of a socket with its payload.

A step that receives raises `BlockingIOError` if no packet is there.
"""

_CALLS = 64
_ROUNDS = 20

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def pinned(cpu: int | None = None) -> Iterator[int]:
    """Keep the calling thread on one processor, and yield its number.

    The default is the last one that the thread may use, because the first processors often have the interrupts of
    devices, and of the fastest kind, because a machine may have slow cores too that save power.

    Raises:
        OptionError: the thread may not use the processor, or the machine has none of this number.
    """
    allowed = os.sched_getaffinity(0)
    chosen = last_fastest(allowed) if cpu is None else cpu
    if chosen not in allowed:
        raise OptionError(
            f"this process may not use processor {chosen}: choose one of {', '.join(map(str, sorted(allowed)))}"
        )
    os.sched_setaffinity(0, {chosen})
    try:
        yield chosen
    finally:
        os.sched_setaffinity(0, allowed)


def last_fastest(cpus: Iterable[int], folder: Path = Path("/sys/devices/system/cpu")) -> int:
    """Return the last of those processors that the kernel says are fastest; the last of all if it says nothing."""
    return max(cpus, key=lambda cpu: (_speed(folder / f"cpu{cpu}"), cpu))


def _speed(folder: Path) -> int:
    """Return a processor's capacity as its kernel counts it, or else its highest frequency; 0 if none is known."""
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        with contextlib.suppress(OSError, ValueError):
            return int((folder / name).read_text())
    return 0


def burst_ns(steps: Sequence[Step], count: int, idle: Sequence[Step] = ()) -> float | None:
    """Let ``count`` packets take each step of their way, all packets one step after the other.

    ``idle`` has one more system call for each step, which follows each call of the step. Return the nanoseconds for
    each packet, with Python's part; None if the burst does not count, because the thread was switched away in it, or
    because packets did not arrive at once (they were lost, or another thread of the kernel carries them).
    """
    before = _switches()
    try:
        total_ns = sum([_time_ns(step, count, then) for step, then in zip_longest(steps, idle)])
    except BlockingIOError:
        drain(steps[-1])
        return None
    return total_ns / count if _switches() == before else None


@contextlib.contextmanager
def idle_calls() -> Iterator[tuple[Step, Step]]:
    """Yield two system calls that do next to nothing in the kernel, and in Python much the same as to send and receive.

    Between the calls of a burst, they cost what Python adds to each of these, and a bare system call. On their own they
    would cost less, because the work of the kernel drives Python out of the processor's caches.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield partial(os.write, null, b"x"), partial(os.readv, null, [bytearray(1)])
    finally:
        os.close(null)


def python_ns(
    alone_ns: Iterable[float | None], with_idle_ns: Iterable[float | None], calls: int, system_call_ns: float
) -> float:
    """Return what Python adds to a system call, in nanoseconds: an idle call less a bare system call.

    ``alone_ns`` are the times of packets that make ``calls`` system calls, and ``with_idle_ns`` those of the same
    packets with an idle call after each. None is a burst that does not count; each has one that does.
    """
    alone, with_idle = (median(ns for ns in times if ns is not None) for times in (alone_ns, with_idle_ns))
    return max((with_idle - alone) / calls - system_call_ns, 0.0)


def system_call_ns() -> float:
    """Return the time of a bare system call (getpid(2)) without Python, in nanoseconds.

    lfind(3) calls a function for each element of an array until the function returns 0, so it makes the calls for us.
    """
    return max((median(_getpids_ns(_CALLS + 1) for _ in range(_ROUNDS)) - _one_getpid_ns()) / _CALLS, 0.0)


def _one_getpid_ns() -> float:
    return median(_getpids_ns(1) for _ in range(_ROUNDS))


def _getpids_ns(count: int) -> int:
    elements = ctypes.c_size_t(count)
    compare = ctypes.cast(_libc.getpid, ctypes.c_void_p)
    begin_ns = time.perf_counter_ns()
    _libc.lfind(None, b"", ctypes.byref(elements), ctypes.c_size_t(0), compare)
    return time.perf_counter_ns() - begin_ns


def _time_ns(step: Step, count: int, then: Step | None) -> int:
    begin_ns = time.perf_counter_ns()
    if then is None:
        for _ in repeat(None, count):
            step()
    else:
        for _ in repeat(None, count):
            step()
            then()
    return time.perf_counter_ns() - begin_ns


def _switches() -> int:
    """Return how often the calling thread was switched away so far, of itself or not."""
    usage = resource.getrusage(resource.RUSAGE_THREAD)
    return usage.ru_nvcsw + usage.ru_nivcsw


def drain(step: Step) -> None:
    """Receive what is still under way, so that the next burst does not get it."""
    time.sleep(0.001)
    with contextlib.suppress(BlockingIOError):
        while True:
            step()
