"""See that this machine, and the limits that a shell sets (`ulimit`), leave room for a guest."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from emulator.kernel.job import free_bytes
from emulator.system.errors import EmulationError
from emulator.system.run_folders import RunFolder

_OPEN_FILES = 256
"""A guest has each of the host's files that it uses open on the host, too: a small topology some 100 at once."""
_BESIDE_MEMORY_BYTES = 2**28
"""What a guest's kernel and our own Python map beside the guest's memory."""


def require_limits(memory_bytes: int) -> None:
    """Raise if a limit of this process is too low for a guest with this much memory.

    Raises:
        EmulationError: the message names the limit and what raises it.
    """
    megabytes = memory_bytes // 2**20
    _require(
        resource.RLIMIT_NOFILE,
        1,
        _OPEN_FILES,
        f"{_OPEN_FILES} open files: raise the limit with `ulimit -n {_OPEN_FILES}`",
    )
    _require(
        resource.RLIMIT_FSIZE,
        0,
        memory_bytes,
        f"files of {megabytes} MB, as its memory is one: raise the limit with `ulimit -f unlimited`, or take less "
        "with --memory",
    )
    _require(
        resource.RLIMIT_AS,
        0,
        memory_bytes + _BESIDE_MEMORY_BYTES,
        f"{(memory_bytes + _BESIDE_MEMORY_BYTES) // 2**20} MB of address space: raise the limit with "
        "`ulimit -v unlimited`, or take less with --memory",
    )


def _require(limit: int, which: int, least: int, what: str) -> None:
    """Raise if a limit (``which``: 0 is the soft one, 1 the hard one) is below ``least``."""
    value = resource.getrlimit(limit)[which]
    if value != resource.RLIM_INFINITY and value < least:
        raise EmulationError(f"a guest kernel needs {what}")


def memory_folder(run: RunFolder, memory_bytes: int) -> Path:
    """A folder for the guest's memory file, in memory where there is room (a container's `/dev/shm` may have 64 MB).

    Raises:
        EmulationError: there is room nowhere.
    """
    for folder in run.memory_folders:
        place = folder.parent
        executable = not os.statvfs(place).f_flag & os.ST_NOEXEC  # programs of the guest run in its memory
        if executable and os.access(place, os.W_OK | os.X_OK) and free_bytes(place) >= memory_bytes:
            folder.mkdir(mode=0o700)
            return folder
    places = " or ".join(str(folder.parent) for folder in run.memory_folders)
    raise EmulationError(f"no room for a guest of {memory_bytes // 2**20} MB in {places}: take less with --memory")
