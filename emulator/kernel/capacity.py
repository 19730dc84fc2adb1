"""Room for a guest: the limits of this process (`ulimit`) and the space for the guest's memory."""

from __future__ import annotations

import os
import resource
from pathlib import Path

from emulator.kernel.job import free_bytes
from emulator.system.errors import EmulationError
from emulator.system.run_folders import RunFolder

_OPEN_FILES = 256
"""Open files that a guest needs: each file that it uses is open on this machine too, some 100 for a small topology."""
_BESIDE_MEMORY_BYTES = 2**28
"""Memory that the guest's kernel and this Python map in addition to the guest's own memory."""


def require_limits(memory_bytes: int) -> None:
    """Check that no limit of this process is too low for a guest with this much memory.

    Raises:
        EmulationError: a limit is too low; the message names it and says how to raise it.
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
    """Raise an error if a limit is below ``least``; ``which`` is 0 for the soft limit and 1 for the hard one."""
    value = resource.getrlimit(limit)[which]
    if value != resource.RLIM_INFINITY and value < least:
        raise EmulationError(f"a guest kernel needs {what}")


def memory_folder(run: RunFolder, memory_bytes: int) -> Path:
    """Return a new folder for the guest's memory file, in the first of the run's memory folders that has room.

    In a container, `/dev/shm` often has only 64 MB.

    Raises:
        EmulationError: no folder has enough room, can be written and lets programs run.
    """
    for folder in run.memory_folders:
        place = folder.parent
        executable = not os.statvfs(place).f_flag & os.ST_NOEXEC  # the guest's programs are executed in its memory
        if executable and os.access(place, os.W_OK | os.X_OK) and free_bytes(place) >= memory_bytes:
            folder.mkdir(mode=0o700)
            return folder
    places = " or ".join(str(folder.parent) for folder in run.memory_folders)
    raise EmulationError(f"no room for a guest of {memory_bytes // 2**20} MB in {places}: take less with --memory")
