"""Whether this machine can run the RTSP server; it imports little, because `gtsdsl doctor` asks it."""

from __future__ import annotations

import os
import subprocess
from functools import cache

from emulator.system.decode import decode
from emulator.system.errors import EmulationError
from emulator.system.programs import environment
from emulator.workloads.rtsp import gst_server
from emulator.workloads.rtsp.gst_server import Installation

COMMAND = ("/usr/bin/python3", "-I", gst_server.__file__)
"""The start of the server's command: the system's own Python, because Debian's bindings are for it."""
VARIABLES = ("GST_", "GI_")
"""The beginnings of the names of variables by which a user changes what GStreamer loads; it gets none of them."""
_PATIENCE_S = 60.0
_NOTHING = Installation("", (), ("gir1.2-gst-rtsp-server-1.0", "python3-gi"))


@cache
def installation() -> Installation:
    """Return what this machine has of the RTSP server; the system's Python looks, once."""
    variables = {name: it for name, it in environment(os.environ).items() if not name.startswith(VARIABLES)}
    try:
        done = subprocess.run(COMMAND, env=variables, capture_output=True, check=False, timeout=_PATIENCE_S, cwd="/")
        return decode(Installation, done.stdout, "the answer of the system's Python")
    except (OSError, subprocess.TimeoutExpired, EmulationError):
        return _NOTHING
