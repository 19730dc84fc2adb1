"""Turn the signals that end a process into an exception, so that what it holds is let go of in order."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


@contextlib.contextmanager
def signals_as_exit() -> Iterator[None]:
    """Within it, SIGTERM and SIGHUP raise `SystemExit` with the status that a shell gives: 128 and the signal's number.

    Ctrl-C raises `KeyboardInterrupt` as ever. For the main thread of a program; a library leaves signals alone.
    """

    def leave(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
