"""The log of flannel's agents."""

from __future__ import annotations

import sys
import time


def log(message: str) -> None:
    """Write a line to the agent's log, with the time in the network's clock."""
    print(f"[{time.monotonic():.3f}] {message}", file=sys.stderr, flush=True)
