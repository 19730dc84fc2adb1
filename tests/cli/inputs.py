"""Topologies that are clean, warned of and wrong, and the commands as processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CLEAN = """\
type Pair {
  host { id = "h1"; location = "AMS"; port { id = "p" } }
  host { id = "h2"; location = "MIL"; port { id = "p" } }
  link { id = "l"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l.src
  adjacency h2.p, l.dst
}
"""
WARNED = CLEAN.replace("AMS", "Atlantis")
WRONG = CLEAN.replace('"h2"', '"h1"')


def gtsdsl(
    *arguments: str | bytes, stdin: bytes = b"", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """Run `gtsdsl` as its users do."""
    return subprocess.run(
        [sys.executable, "-m", "gtsdsl", *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=60,
        check=False,
    )
