"""Supervisor: a small process that starts a confined guest kernel, and ends it when the process that wants it ends.

The supervisor stands between the two, so that one death ends all. The guest's kernel ends with the supervisor
(``PR_SET_PDEATHSIG``). The guest's processes end with their kernel in the same way. The supervisor ends with the
process that started it: it watches a ``pidfd``, because a parent-death signal follows the thread and not the process.
As a subreaper it inherits, and ends, each process that is left over.

It runs under `python -S`, so it has only the standard library, and loads little of that.
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
"""The supervisor's exit status if it could not start the guest; the reason is on its standard error."""
FULL = 122
"""The supervisor's exit status if it ended the guest because that left too much on this machine."""

_COUNTLESS = 2**62
_LOOK_S = 0.25
_LOOK_SHARE = 0.1
"""The largest part of the time that is spent on measuring what the guest has left."""


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
    """Run a guest to its end; return its exit status, or 128 and the number of the signal that ended it.

    ``parent`` is the process with which the guest ends. ``arguments`` and ``environment`` start the guest's kernel, in
    the folder ``directory`` and on the CPU ``cpu``. ``landlock`` is the version of Landlock's interface, and
    ``writable`` are the folders that the guest may write (`confine`). ``output_bytes`` is the most that the guest may
    leave there and on its console, in all and as a single file; the guest's memory file, of ``memory_bytes``, does not
    count. ``folder`` is the run's folder, removed here if the parent was killed. ``memory`` is the folder of the memory
    file, removed when the guest has ended.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    parent_ended = watched(parent)
    if parent_ended is None:
        _remove(memory, folder)
        return REFUSED
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # signals of a terminal: the parent ends the guest
    places = [place if isinstance(place, str) else f"/proc/self/fd/{place}" for place in writable]
    before_bytes = size_below(places, _COUNTLESS)  # the user's own files in the output folder
    if before_bytes == _COUNTLESS:
        os.write(2, b"the output folder has folders in it that are too deep or closed: name another folder\n")
        return REFUSED
    supervisor = os.getpid()
    guest = os.fork()
    if guest == 0:
        try:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != supervisor:  # the supervisor died before the call above
                os._exit(REFUSED)
            for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
                signal.signal(number, signal.SIG_DFL)
            os.umask(os.umask(0) | 0o022)  # others may not write, whatever the user's umask is
            os.chdir(directory)
            os.sched_setaffinity(0, {cpu})
            libc.personality(_ADDR_NO_RANDOMIZE)  # else UML would set it, and start itself again
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would be as large as its memory
            # a guest that writes an endless file gets the error "file too large", and no signal
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            own = [limit for limit in resource.getrlimit(resource.RLIMIT_FSIZE) if limit != resource.RLIM_INFINITY]
            file_bytes = min([max(output_bytes, memory_bytes), *own])
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            # each machine's file that the guest has open is also open in the process of its kernel
            open_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
            if os.geteuid() == 0:
                drop_capabilities(write_others_files=any(os.stat(path).st_uid != 0 for path in writable))
            confine(writable, landlock)
            os.execve(arguments[0], arguments, environment)  # noqa: S606 - no shell, as wanted
        except (OSError, ValueError) as error:
            os.write(2, f"the guest kernel cannot be started: {error}\n".encode(errors="replace"))
        finally:
            os._exit(REFUSED)  # no exception may leave the forked process
    ended = os.pidfd_open(guest)
    stop, stop_writer = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(stop_writer, b"."))
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
    """Return a descriptor that becomes readable when this process's parent ends; None if the parent has ended.

    A parent-death signal would follow the thread that started this process, which may end before its process.
    """
    try:
        descriptor = os.pidfd_open(parent)
    except ProcessLookupError:
        return None
    return descriptor if os.getppid() == parent else None  # else another process has the number now


def _end_children() -> None:
    """Kill each child of this process until none is left; orphans of killed children become children too."""
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
    """Return the process ids of the children of ``parent``."""
    own, found = str(parent), []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat") as file:
                    if file.read().rpartition(")")[2].split()[1] == own:
                        found.append(int(name))
            except OSError:  # the process has just ended
                pass
    return found


def _remove(*folders: str) -> None:
    """Remove folders of a guest that has ended."""
    import shutil

    for folder in folders:
        try:
            shutil.rmtree(folder, ignore_errors=True)
        except RecursionError:  # the guest made folders a thousand levels deep, which `clean` removes
            pass
