"""A function of ours to a process of its own: a fork of this one, which has loaded what the function needs."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable

_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def fork(body: Callable[[], None]) -> int:
    """Run a function in a fork, in a session of its own, until it returns; its process id.

    What the function raises is a traceback on standard error, and exit status 1. Signals that end a process have their
    default effect in it, from its first moment on; one that the caller holds back stays held back.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # a handler of ours that raised in the fork before `_become` would have it clean up what is this process's
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    try:
        pid = os.fork()
        if pid == 0:
            _become(body, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _become(body: Callable[[], None], held_back: Iterable[int]) -> None:
    """Turn this process, a fork, into what the function is; it never returns."""
    status = 1
    try:
        os.setsid()
        for number in _ENDS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, held_back)
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
