"""Waiting for descriptors and for conditions."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable


def readable(descriptors: Iterable[int], patience_s: float | None) -> set[int]:
    """Wait up to ``patience_s`` for a descriptor that can be read or has ended, and return those; None waits for ever.

    It uses poll(2), because select(2) takes no descriptor from 1,024 on.
    """
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
