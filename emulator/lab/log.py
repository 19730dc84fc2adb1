"""The log of the functions that run as daemons."""

from __future__ import annotations

import sys
import time


def log(message: str) -> None:
    """Write a line to the daemon's log, with the time in the network's clock."""
    print(f"[{time.monotonic():.3f}] {message}", file=sys.stderr, flush=True)
