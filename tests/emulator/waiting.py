"""Waiting for conditions and events, with patience for slow machines."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from emulator.stores.client import Event, Watch

PATIENCE_S = 60.0


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """Return whether a process runs. A dead one, for whose end its parent has not waited yet, does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def next_events(watch: Watch, count: int) -> list[Event]:
    """Return the next ``count`` changes."""
    found: list[Event] = []
    end_s = time.monotonic() + PATIENCE_S
    while len(found) < count:
        assert time.monotonic() < end_s, f"only {found}"
        found += watch.events(1.0)
    assert len(found) == count
    return found
