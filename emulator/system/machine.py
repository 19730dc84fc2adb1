"""The names of this machine's processor and system, for results."""

from __future__ import annotations

import platform
import re
from pathlib import Path

_CPU = Path("/proc/cpuinfo")
_CPU_BYTES = 2**14
"""More bytes than the first processor's part of /proc/cpuinfo has."""


def processor() -> str:
    """Return the model of this machine's processor; its architecture if it has no name."""
    try:
        with _CPU.open(encoding="utf-8", errors="replace") as file:
            match = re.search(r"^model name\s*:\s*(.+)$", file.read(_CPU_BYTES), re.MULTILINE)
    except OSError:
        match = None
    return match[1].strip() if match else platform.machine()


def system() -> str:
    """Return the name of this machine's distribution, and the release of its kernel."""
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, Linux {platform.release()}"
