"""Stand-ins for a guest kernel: small programs that end as one does which runs on a machine, or does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.kernel.cache import Kernel, Origin, Symbols, configuration_hash, keep, key, wheel_kernel

# the words and the end of Debian's 6.1 on a processor with AMX
PANICS = """#!/bin/sh
echo 'Kernel panic - not syncing: Attempted to kill init! exitcode=0x0000000b'
echo 'CPU: 0 PID: 1 Comm: swapper Not tainted 6.1.176 #1'
echo 'Call Trace:'
echo ' [<606931e5>] panic+0x197/0x376'
kill -ABRT $$
"""
# it works in the folder that it shares with the host, where an exit status means that a program has run
RUNS = "#!/bin/sh\necho 0 >> status\n"
HANGS = "#!/bin/sh\nexec sleep 1000\n"
LACKS_A_LIBRARY = """#!/bin/sh
echo "$0: /lib/x86_64-linux-gnu/libc.so.6: version \\`GLIBC_2.38' not found (required by $0)" >&2
exit 1
"""


def require_no_wheel() -> None:
    """Skip a test of a command without a kernel if the wheel is installed, because no setting hides its kernel."""
    if wheel_kernel() is not None:
        pytest.skip("the wheel gtsdsl-kernel is installed, so no command is without a kernel")


def put(path: Path, script: str) -> Path:
    """Write a stand-in."""
    path.write_text(script)
    path.chmod(0o755)
    return path


def put_as_built(cache: Path, script: str, version: str = "7.3.4") -> Path:
    """Write a stand-in into a cache folder (``XDG_CACHE_HOME``), as if `gtsdsl kernel build` had made it."""
    folder = cache / "gtsdsl" / "kernels" / key(version)
    folder.mkdir(parents=True)
    info = {"version": version, "seccomp": True, "virtual_clock": True, "seeded": True, "symbols": None}
    (folder / "info.json").write_text(json.dumps(info))
    return put(folder / "linux", script)


def a_kernel(kernels: Path, version: str, name: str | None = None) -> Kernel:
    """Write a file that is no program into the folder of built kernels, as if `gtsdsl kernel build` had made it."""
    folder = kernels / (name or key(version))
    folder.mkdir(parents=True)
    (folder / "linux").write_bytes(b"\x7fELF")
    (folder / "linux").chmod(0o755)
    kernel = Kernel(folder / "linux", version, True, True, True, Symbols(1, 2, 3, 4), None)
    keep(kernel, Origin("linux-source-7.3", version, "0" * 64, "gcc", "2.36", configuration_hash()), folder)
    return kernel
