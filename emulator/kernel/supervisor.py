"""Start a guest kernel, confined, and end all of its processes when it, or the process that asked for it, ends.

The keeper is a small process between the two, so that there is one thing that has to die for all to die:
the guest's kernel ends with the keeper (``PR_SET_PDEATHSIG``), the guest's processes end with their kernel (it asks
for the same), and the keeper ends when the process that started it does (seen through a ``pidfd``, for a parent-death
signal follows the thread, not the process). As a subreaper it inherits, and ends, every helper that is left over.
It starts with `python -S`: nothing but the standard library is at hand here, and little of that is loaded.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import time

from emulator.kernel.confine import confine, drop_capabilities
from emulator.kernel.quota import size_below, size_unlinked

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ADDR_NO_RANDOMIZE = 0x0040000

REFUSED = 121
"""The keeper's exit status when it could not start the guest; the reason is on its standard error."""
FULL = 122
"""The keeper's exit status when it ended the guest because that left too much on the host."""

_COUNTLESS = 2**62
_LOOK_S = 0.25
_LOOK_SHARE = 0.1
"""The part of the time that may go into looking at what the guest has left."""


def keep(
    *,
    parent: int,
    arguments: list[str],
    environment: dict[str, str],
    directory: str,
    cpu: int,
    writable: list[str | int],
    landlock: int,
    output_bytes: int,
    memory_bytes: int,
    folder: str,
    memory: str,
) -> int:
    """Run a guest to its end; its exit status, or 128 and the number of the signal that ended it.

    ``parent`` is the process with which the guest ends. ``arguments`` and ``environment`` start the guest's kernel, in
    ``directory`` and on ``cpu``. ``landlock`` is the version of Landlock, and ``writable`` is what it allows
    (`confine`). ``output_bytes`` is how much the guest may leave there and on its console, in all and as a single file;
    its memory's file, of ``memory_bytes``, comes on top of it. ``folder`` is the run's, removed here if the parent has
    gone without doing so; ``memory`` is that of the guest's memory file, removed when the guest has ended.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent_ended = watched(parent)
    if parent_ended is None:
        _remove(memory, folder)
        return REFUSED
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # a terminal's: the parent ends the guest in its own way
    places = [place if isinstance(place, str) else f"/proc/self/fd/{place}" for place in writable]
    before_bytes = size_below(places, _COUNTLESS)  # what the user has in the output folder already
    if before_bytes == _COUNTLESS:
        os.write(2, b"the output folder has folders in it that are too deep or closed: name another folder\n")
        return REFUSED
    keeper = os.getpid()
    guest = os.fork()
    if guest == 0:
        try:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != keeper:  # it died before the request above
                os._exit(REFUSED)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.umask(os.umask(0) | 0o022)  # also of a user who lets others write
            os.chdir(directory)
            os.sched_setaffinity(0, {cpu})
            libc.personality(_ADDR_NO_RANDOMIZE)  # or UML would set it itself, and start itself once more
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its memory may be gigabytes
            # a guest that writes a file without end gets 'file too large'
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            own = [limit for limit in resource.getrlimit(resource.RLIMIT_FSIZE) if limit != resource.RLIM_INFINITY]
            file_bytes = min([max(output_bytes, memory_bytes), *own])
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            # each of the host's files that the guest has open is one of its kernel's process, too
            open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
            if os.geteuid() == 0:
                drop_capabilities(write_others_files=any(os.stat(path).st_uid != 0 for path in writable))
            confine(writable, landlock)
            os.execve(arguments[0], arguments, environment)  # noqa: S606 - no shell, as wanted
        except (OSError, ValueError) as error:
            os.write(2, f"the guest kernel cannot be started: {error}\n".encode(errors="replace"))
        finally:
            os._exit(REFUSED)  # nothing may be raised through a fork
    ended = os.pidfd_open(guest)
    stop, told = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(told, b"."))
    most_bytes = before_bytes + output_bytes + memory_bytes
    readable: list[int] = []
    look_s, is_full = _LOOK_S, False
    while not (readable or is_full):
        readable, _, _ = select.select([parent_ended, ended, stop], [], [], look_s)
        if not readable:
            began_s = time.monotonic()
            left_bytes = size_below(places, most_bytes) + size_unlinked(guest) + os.fstat(2).st_size
            is_full = left_bytes >= most_bytes
            look_s = max(_LOOK_S, (time.monotonic() - began_s) / _LOOK_SHARE)
    if ended not in readable:
        os.kill(guest, signal.SIGKILL)
    _, status = os.waitpid(guest, 0)
    _end_children()
    _remove(memory)
    if os.getppid() != parent:
        _remove(folder)
    if is_full:
        return FULL
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def watched(parent: int) -> int | None:
    """A descriptor that is readable once this process's parent has ended; None if it has already.

    A parent-death signal would follow the thread that started us, which may end long before its process.
    """
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        return None
    return descriptor if os.getppid() == parent else None  # else the number is another's by now


def _end_children() -> None:
    """End every process below this one, until there is none: those of children that die become ours."""
    while True:
        for pid in children(os.getpid()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children(parent: int) -> list[int]:
    """The processes whose parent is ``parent``."""
    own, found = str(parent), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    if file.read().rpartition(")")[2].split()[1] == own:
                        found.append(int(name))
            except OSError:  # it has just ended
                pass
    return found


def _remove(*folders: str) -> None:
    """Remove what belongs to a guest that has ended."""
    import shutil

    for folder in folders:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except RecursionError:  # the guest made folders a thousand deep: they are left for `clean`
            pass
