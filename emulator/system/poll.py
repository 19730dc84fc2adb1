"""Descriptors to those of them that have something to read: select(2) takes none from 1,024 on, poll(2) takes all."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable


def readable(descriptors: Iterable[int], patience_s: float | None) -> set[int]:
    """Those that can be read from, or have ended, waiting up to ``patience_s`` for one; None waits for ever."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return {descriptor for descriptor, _ in poll.poll(None if patience_s is None else patience_s * 1000)}


def wait_until(condition: Callable[[], bool], patience_s: float, interval_s: float) -> bool:
    """Test a condition every ``interval_s`` seconds; return whether it became true within ``patience_s``."""
    deadline_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(interval_s)
    return True
