"""A library that does small tasks of `dockerd` in place of further processes of `dockerd`; see ``reexec.c``.

Docker 20.10 takes 0.1 s of processor time in a guest for each of them: six times a container with Docker's overlay, and
more often with a swarm.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from emulator.docker import programs
from emulator.system.folders import make_folder, require_own_cache, unchecked_cache_folder
from emulator.system.programs import environment

_SOURCE = Path(__file__).with_suffix(".c")
_MAJOR = "20"
"""The major version of Docker whose tasks the library knows."""
_COMPILE = (
    "gcc", "-O2", "-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fno-stack-protector",
    "-fno-tree-loop-distribute-patterns",  # without it, gcc would call the C library's memset
)  # fmt: skip


def build() -> None:
    """Compile the library into the user's cache, unless it is there.

    Without a C compiler, or on another kind of processor, nothing is made: Docker then does its tasks itself.

    Raises:
        UntrustedError: another user can write in the cache.
    """
    path = require_own_cache(_path())
    if path.exists() or shutil.which(_COMPILE[0], path=programs.PATH) is None:
        return
    try:
        make_folder(path.parent)
        with tempfile.TemporaryDirectory(prefix=".reexec-", dir=path.parent) as folder:
            made = Path(folder) / path.name
            own = {**environment(os.environ), "PATH": programs.PATH}
            command = [*_COMPILE, "-o", str(made), str(_SOURCE)]
            trial = {**own, "LD_AUDIT": str(made)}  # the linker complains of a library that it cannot load
            if _is_silent(command, own) and _is_silent(["true"], trial):
                made.replace(path)
    except OSError:  # such as a cache that is read-only
        return


def variables(iptables: Path | None) -> Mapping[str, str]:
    """Return the environment variables by which a `dockerd` uses the library; none if `build` has not built it.

    ``iptables`` is the program that the daemon uses; ``iptables-restore`` must be beside it.
    """
    path = _path()
    # the linker takes a colon for the end of a path
    is_usable = iptables is not None and ":" not in str(path) and os.access(path, os.R_OK)
    if not is_usable or programs.version().partition(".")[0] != _MAJOR:
        return {}
    return {"LD_AUDIT": str(path), "GTSDSL_IPTABLES_RESTORE": f"{iptables}-restore"}


def _is_silent(command: list[str], variables: Mapping[str, str]) -> bool:
    """Run a command, and return whether it succeeds without a message."""
    done = subprocess.run(command, env=variables, capture_output=True, check=False)
    return done.returncode == 0 and not done.stderr


def _path() -> Path:
    digest = hashlib.sha256("\n".join(_COMPILE).encode() + _SOURCE.read_bytes()).hexdigest()[:16]
    return unchecked_cache_folder() / "docker" / f"reexec-{digest}.so"
