"""Verdict on a guest kernel: boot it once to see whether it runs programs on this machine, and keep the answer."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from emulator.kernel.cache import Kernel, verdicts_folder
from emulator.system.errors import EmulationError, GuestPanickedError, GuestTimeoutError, in_a_line
from emulator.system.folders import make_folder, require_own_cache
from emulator.system.text import one_line

_CPU = Path("/proc/cpuinfo")
_CPU_BYTES = 2**14
"""More bytes than the first processor's part of /proc/cpuinfo has."""
_FILE_BYTES = 2**12
_MEMORY_BYTES = 2**26
_TIMEOUT_S = 30.0
"""Wall time for the boot, which takes 0.1 s to 1 s on an idle machine."""
_SETUP_FAILED = 126
_ROOM_FOR_AMX = (6, 13)
"""The first Linux whose User-Mode Linux saves processor states of any size."""


@dataclass(frozen=True, slots=True)
class _Answer:
    why: str | None
    """The reason why a kernel cannot run; None if it runs."""
    lasts: bool = True
    """True if the next boot would give the same answer."""


_known: dict[str, _Answer] = {}
"""This process's answers by key, which replace the files where the cache folder cannot be written."""


class Lack(NamedTuple):
    """A missing thing (``what``) and the command that provides it (``mend``, empty if no command does)."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}" if self.mend else self.what


def refusal(kernel: Kernel, *, again: bool = False) -> Lack | None:
    """Return why a guest kernel does not run here; None if it runs.

    The kernel is booted and runs a program, unless an answer for this kernel, this processor and this machine's own
    kernel is kept. With ``again``, a refused kernel is tried again. A refusal that may not last (no memory, no room in
    the temporary folder) is not kept.
    """
    try:
        key = _key(kernel)
    except OSError as error:
        return Lack(f"its file cannot be used ({in_a_line(error)})", "")
    answer = _recall(key)
    if answer is None or (again and answer.why):
        answer = _try(kernel)
        if answer.lasts:
            _keep(key, answer)
    if answer.why is None:
        return None
    # building the same kernel again would not help a built kernel
    return Lack(answer.why, "gtsdsl kernel build" if answer.lasts and not kernel.virtual_clock else "")


def reason(version: str, flags: Iterable[str]) -> str:
    """Return why a kernel of this version panics at its first program, in the terms of a processor with these flags."""
    number = re.search(r"(\d+)\.(\d+)", version)
    if "amx_tile" in flags and number is not None and (int(number[1]), int(number[2])) < _ROOM_FOR_AMX:
        return (
            "it can start no program, because this processor's state takes 11,008 bytes (it has AMX), and a guest "
            "kernel has room for so many from Linux 6.13 on"
        )
    return "it panics when it starts its first program"


def _try(kernel: Kernel) -> _Answer:
    """Boot a kernel and run a program in it."""
    # imported here, because `guest` imports `choose`, which imports this module
    from emulator.kernel.guest import Boot, Guest
    from emulator.kernel.job import GuestJob
    from emulator.kernel.kinds import Clock

    boot = Boot(kernel, Clock.REAL, memory_bytes=_MEMORY_BYTES, timeout_s=_TIMEOUT_S)
    said = bytearray()
    try:
        with Guest(boot, GuestJob(("true",), Path("/"), {"PATH": os.defpath})) as guest:
            status = guest.wait(lambda _: None, said.extend)
    except GuestPanickedError:
        return _Answer(reason(kernel.version, _processor().get("flags", "").split()))
    except GuestTimeoutError:
        return _Answer(f"it ran no program within {_TIMEOUT_S:g} s")
    except EmulationError as error:
        return _Answer(str(error), lasts=False)
    except OSError as error:
        return _Answer(f"it cannot be tried: {in_a_line(error)}", lasts=False)
    if status == _SETUP_FAILED:
        return _Answer(one_line(said.decode(errors="replace")).removeprefix("gtsdsl guest: "), lasts=False)
    return _Answer(None)


def _key(kernel: Kernel) -> str:
    """Return a key of what an answer depends on: the kernel's file, the processor and this machine's own kernel.

    The inode and the time of the last status change distinguish the file from a later one with the same path, size and
    date, because no program can set that time.

    Raises:
        OSError: the file is missing or unreadable.
    """
    file = kernel.executable.stat()
    identity = (str(kernel.executable), str(kernel.modules), file.st_dev, file.st_ino, file.st_size, file.st_ctime_ns)
    host = os.uname()
    processor = sorted(_processor().items())
    facts = (identity, host.release, host.version, host.machine, processor)
    return hashlib.sha256(repr(facts).encode(errors="surrogateescape")).hexdigest()


def _processor() -> dict[str, str]:
    """Return what this machine's kernel says of the first processor's kind."""
    try:
        with _CPU.open("rb") as file:
            first = file.read(_CPU_BYTES).decode(errors="replace").partition("\n\n")[0]
    except OSError:
        return {}
    fields = (line.partition(":") for line in first.splitlines())
    named = {name.strip(): value.strip() for name, _, value in fields}
    return {name: named[name] for name in ("vendor_id", "cpu family", "model", "stepping", "flags") if name in named}


def _file(key: str) -> Path:
    return require_own_cache(verdicts_folder() / f"{key[:32]}.json")


def _recall(key: str) -> _Answer | None:
    """Return the kept answer; None if it is missing."""
    if key not in _known:
        try:
            with _file(key).open("rb") as file:
                why = json.loads(file.read(_FILE_BYTES))["refusal"]
        except (EmulationError, OSError, ValueError, TypeError, KeyError):
            return None
        if why is not None and not isinstance(why, str):
            return None
        _known[key] = _Answer(why)
    return _known[key]


def _keep(key: str, answer: _Answer) -> None:
    """Keep an answer; if the cache folder cannot be written, keep it for this process only."""
    _known[key] = answer
    with contextlib.suppress(EmulationError, OSError):
        file = _file(key)
        make_folder(file.parent)
        descriptor, name = tempfile.mkstemp(dir=file.parent)
        try:
            with os.fdopen(descriptor, "w") as new:
                json.dump({"refusal": answer.why}, new)
            Path(name).replace(file)  # in one step, because another run may read or write the file
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
