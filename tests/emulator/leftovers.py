"""The leftovers of runs: their processes, their folders, and their guests' memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Process: TypeAlias = subprocess.Popen[str] | subprocess.Popen[bytes]

_MEMORY = Path("/dev/shm")
_PATIENCE_S = 120


class Leftovers:
    """The leftovers of the runs below a temporary folder. Call `look` while the runs exist, to learn their names."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self._names: set[str] = set()

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a command whose runs are below the place."""
        return {**os.environ, "TMPDIR": str(self.place)}

    @property
    def runs(self) -> list[Path]:
        """The runs' folders."""
        return [path for path in self.place.glob("gtsdsl-*/*") if path.is_dir()]

    def look(self) -> None:
        """Remember the names of the present runs."""
        self._names |= {path.name for path in self.runs}

    @property
    def folders(self) -> list[Path]:
        """The runs' folders, and those of their guests' memory."""
        self.look()
        return self.runs + [path for name in self._names for path in _MEMORY.glob(f"gtsdsl-*{name}")]

    @property
    def processes(self) -> list[int]:
        """Guests, supervisors and helpers, by their mark or their working folder."""
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    environment, folder = (process / "environ").read_bytes(), (process / "cwd").readlink()
                except OSError:
                    continue
                is_ours = f"GTSDSL_RUN={self.place}".encode() in environment
                if is_ours or folder.is_relative_to(self.place / f"gtsdsl-{os.getuid()}"):
                    found.append(int(process.name))
        return found

    def clean(self) -> str:
        """Run `gtsdsl clean` and return its output."""
        command = [sys.executable, "-m", "gtsdsl", "clean"]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout


def is_soon(condition: Callable[[], bool], process: Process | None = None) -> bool:
    """Return whether a condition becomes true within two minutes, and not later than a process ends."""
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s and (process is None or process.poll() is None):
        if condition():
            return True
        time.sleep(0.02)
    return condition()
