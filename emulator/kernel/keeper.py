"""Start a guest kernel, confined, and end all of its processes when it, or the process that asked for it, ends.

The keeper is a small process between the two, so that there is one thing that has to die for all to die:
the guest's kernel ends with the keeper (``PR_SET_PDEATHSIG``), the guest's processes end with their kernel (it asks
for the same), and the keeper ends when the process that started it does (seen through a ``pidfd``, for a parent-death
signal follows the thread, not the process). As a subreaper it inherits, and ends, every helper that is left over.
It starts with `python -S`: nothing but the standard library is at hand here.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from emulator.kernel.confine import confine, drop_capabilities, forgo_privileges

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_ADDR_NO_RANDOMIZE = 0x0040000

REFUSED = 121
"""The keeper's exit status when it could not start the guest; the reason is on its standard error."""


@dataclass(frozen=True, slots=True)
class Orders:
    """What the keeper is told, as JSON in its only argument."""

    parent: int
    """The process with which the guest ends."""
    arguments: list[str]
    environment: dict[str, str]
    directory: str
    """Where the guest kernel's process works."""
    cpu: int
    writable: list[str]
    sockets: list[str]
    confined: bool
    """Whether Landlock is at hand."""
    folder: str
    """The run's folder: removed by the keeper if the parent has gone without doing so."""
    memory: str
    """The folder of the guest's memory file: removed when the guest has ended."""

    def argument(self) -> str:
        return json.dumps(asdict(self))


def main(argument: str) -> int:
    """Run a guest to its end; its exit status, or 128 and the number of the signal that ended it."""
    orders = Orders(**json.loads(argument))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        parent = os.pidfd_open(orders.parent)
    except ProcessLookupError:
        _remove(orders)
        return REFUSED
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # a terminal's: the parent ends the guest in its own way
    keeper = os.getpid()
    guest = os.fork()
    if guest == 0:
        _become_guest(orders, libc, keeper)
    ended = os.pidfd_open(guest)
    stop, told = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(told, b"."))
    readable, _, _ = select.select([parent, ended, stop], [], [])
    if ended not in readable:
        os.kill(guest, signal.SIGKILL)
    _, status = os.waitpid(guest, 0)
    _end_children()
    if os.getppid() != orders.parent:
        _remove(orders)
    else:
        shutil.rmtree(orders.memory, ignore_errors=True)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _become_guest(orders: Orders, libc: ctypes.CDLL, keeper: int) -> None:
    """Turn this process into the guest's kernel; it never returns."""
    try:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != keeper:  # it died before the request above
            os._exit(REFUSED)
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        os.chdir(orders.directory)
        os.sched_setaffinity(0, {orders.cpu})
        # UML sets this itself, and starts itself once more if it has to
        libc.personality(_ADDR_NO_RANDOMIZE)
        if os.geteuid() == 0:
            others = any(Path(path).stat().st_uid != 0 for path in orders.writable)
            drop_capabilities(write_others_files=others)
        if orders.confined:
            confine([Path(path) for path in orders.writable], [Path(path) for path in orders.sockets])
        else:
            forgo_privileges()
        os.execve(orders.arguments[0], orders.arguments, orders.environment)
    except OSError as error:
        # the process's own name for its trouble: nothing may be raised through a fork
        os.write(2, f"the guest kernel cannot be started: {error}\n".encode(errors="replace"))
    os._exit(REFUSED)


def _end_children() -> None:
    """End every process below this one, until there is none: those of children that die become ours."""
    while True:
        for pid in _children():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> Iterator[int]:
    """The processes whose parent is this one."""
    own = str(os.getpid())
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "stat").read_text().rpartition(")")[2].split()[1] == own:
                    yield int(entry.name)


def _remove(orders: Orders) -> None:
    """Remove the guest's folders in the place of the parent, which died before it could."""
    shutil.rmtree(orders.memory, ignore_errors=True)
    shutil.rmtree(orders.folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
