"""The monotonic clock to the nanosecond: waiting for a time, without the slack that the kernel gives other waits."""

from __future__ import annotations

import ctypes
import os
import time

_TIMER_ABSTIME = 1
_PR_SET_TIMERSLACK = 29
_INTERRUPTED = 4

_libc = ctypes.CDLL(None, use_errno=True)


class _TimeSpec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


def without_slack() -> None:
    """Let the calling thread wake at the time that it waits for; the kernel's default is up to 50 µs later."""
    _libc.prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)


def sleep_until(time_ns: int) -> None:
    """Wait until the monotonic clock shows a time, in nanoseconds; return at once if it is past.

    Raises:
        OSError: the kernel refuses.
    """
    seconds, nanoseconds = divmod(time_ns, 10**9)
    until = _TimeSpec(seconds, nanoseconds)
    while True:
        number = _libc.clock_nanosleep(time.CLOCK_MONOTONIC, _TIMER_ABSTIME, ctypes.byref(until), None)
        if number == 0:
            return
        if number != _INTERRUPTED:  # a signal, whose handler has run
            raise OSError(number, os.strerror(number))
