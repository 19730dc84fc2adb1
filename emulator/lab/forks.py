"""Functions of gtsdsl that run in a process of their own: a fork of this one, which has loaded their modules."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable

_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def fork(body: Callable[[], None]) -> int:
    """Run a function in a fork that leads a session of its own, and return the fork's process id.

    The fork exits when the function returns; an exception becomes a traceback on standard error and exit status 1. The
    signals that end a process have their default effect in the fork from its first moment on. A signal that the caller
    blocks stays blocked.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # a handler that raised in the fork before `_become` would make the fork clean up what belongs to this process
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            _become(body, before)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return pid


def _become(body: Callable[[], None], blocked: Iterable[int]) -> None:
    """Run the function in this process, a fork, and exit; this function never returns."""
    status = 1
    try:
        os.setsid()
        for number in _ENDING_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        body()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
