"""Run a command in a guest, and a program under the restrictions of a guest's process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import GuestJob

MOUNT_HOSTFS = "LIBMOUNT_FORCE_MOUNT2=always mount -t hostfs none"
"""The command that mounts by the old system call. The new ones, which `mount` takes from util-linux 2.39 on, have no
option without a name."""


def run(boot: Boot, *command: str, output: Path | None = None) -> tuple[int, str, str]:
    """Run a command in a guest and return its exit status, output and errors."""
    out, err = bytearray(), bytearray()
    job = GuestJob(command, Path("/"), {"PATH": os.environ["PATH"]}, output)
    with Guest(boot, job) as guest:
        status = guest.wait(out.extend, err.extend)
    return status, out.decode(), err.decode()


def shell(boot: Boot, script: str) -> tuple[int, str, str]:
    return run(boot, "/bin/sh", "-c", script)


def confined(code: str, *arguments: str, version: int) -> list[str]:
    """Return the lines that a confined Python program writes."""
    before = f"from emulator.kernel.confine import confine; confine([], {version})\n"
    line = [sys.executable, "-c", before + code, *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.splitlines()
