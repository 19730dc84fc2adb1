"""Room for guests side by side: how many fit into the memory that is free on this machine."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
_CGROUP = Path("/sys/fs/cgroup")
_BESIDE_BYTES = 2**27
"""Memory of a worker beside its guest's: two Pythons, and what the guest's kernel maps."""


def fitting_guests(memory_bytes: int) -> int:
    """Return how many guests with this much memory fit, at least 1: a guest that does not fit says so itself."""
    return max(1, available_bytes() // (memory_bytes + _BESIDE_BYTES))


def available_bytes() -> int:
    """Return the memory that programs can still take here, within the limit of the container if there is one."""
    found = re.search(r"^MemAvailable: *(\d+) kB$", _MEMORY.read_text(), re.MULTILINE)
    machine_bytes = 1024 * int(found[1]) if found else 0
    with contextlib.suppress(OSError, ValueError):  # no control groups of version 2 here, or no limit (`max`)
        limit_bytes = int((_CGROUP / "memory.max").read_text())
        used_bytes = int((_CGROUP / "memory.current").read_text())
        cached = re.search(r"^inactive_file (\d+)$", (_CGROUP / "memory.stat").read_text(), re.MULTILINE)
        return max(0, min(machine_bytes, limit_bytes - used_bytes + (int(cached[1]) if cached else 0)))
    return machine_bytes
