"""The reaper: a process that kills all processes of a lab when the process that owns the lab has ended.

It runs as a file, by a bare Python (`-I -S`), in a mount namespace of its own. There it mounts the files that the
lab's hosts see and this machine does not: `/etc/hosts`, `/etc/gai.conf`, and a folder in memory for sockets and
databases. Each line of its standard input has the inode number of a network namespace and the parent's descriptor of
it. A process in one of these namespaces belongs to the lab, whoever started it, because nobody else can enter them.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import select
import shutil
import signal
import sys

FOLDER = "memory"
"""The name of the folder in memory, in the run's folder."""

_CLONE_NEWNS = 0x00020000
_MS_PRIVATE_ALL, _MS_BIND = (1 << 18) | (1 << 14), 4096
_ROUNDS = 1000
_GAI_CONF = """\
label ::1/128 0
label ::/0 1
label ::ffff:0:0/96 4
label 2002::/16 2
label 2001::/32 5
label fc00::/7 13
label ::/96 3
label fec0::/10 11
label 3ffe::/16 12
precedence ::1/128 50
precedence ::/0 40
precedence ::ffff:0:0/96 35
precedence 2002::/16 30
precedence 2001::/32 5
precedence fc00::/7 3
precedence ::/96 1
precedence fec0::/10 1
precedence 3ffe::/16 1
"""
"""The default policy table of RFC 6724, section 2.1, which glibc lacks: it has that of RFC 3484.

With it, a name with an IPv4 address and a unique local IPv6 address resolves to the IPv4 address first.
"""

_libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """Call mount(2).

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.mount(os.fsencode(source), os.fsencode(target), kind.encode(), ctypes.c_ulong(flags), None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{target}: {os.strerror(number)}")


def inhabitants(namespaces: set[int]) -> set[int]:
    """Return the processes in network namespaces, by the inode numbers of these, and all their descendants.

    A container that has just been started is in a namespace that the reaper does not know yet, but it descends from
    its daemon.
    """
    found: set[int] = set()
    own = os.getpid()
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 (pathlib would take ten times as long to start)
        if name.isdigit():
            # another user's process cannot be read, and any process may end meanwhile
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                    # the name, in parentheses, may contain anything, so count the fields after it
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
                # this process is never one of them, though one of its threads may be in a namespace for a moment
                if int(name) != own and os.stat(f"/proc/{name}/ns/net").st_ino in namespaces:  # noqa: PTH116
                    found.add(int(name))
    waiting = list(found)
    while waiting:
        more = [pid for pid in children.get(waiting.pop(), ()) if pid not in found]
        found.update(more)
        waiting += more
    return found


def remove_groups(name: str) -> None:
    """Remove a lab's own folder among the control groups, in each hierarchy, after its processes have ended."""
    groups = "/sys/fs/cgroup"
    with contextlib.suppress(OSError):
        for root in (groups, *(f"{groups}/{it}" for it in os.listdir(groups))):  # noqa: PTH208
            for folder, _, _ in os.walk(f"{root}/{name}", topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)  # noqa: PTH106


def end_all(namespaces: set[int]) -> None:
    """Kill the processes in network namespaces, and those that they start meanwhile."""
    for _ in range(_ROUNDS):
        pids = inhabitants(namespaces)
        if not pids:
            return
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        select.select([], [], [], 0.002)  # a killed process exists until its parent has waited for it


def hold(path: str) -> None:
    """Keep a namespace until this process ends.

    The kernel reuses an inode number as soon as its namespace has gone. Without this, the reaper could kill the
    processes of another lab that got the number.
    """
    with contextlib.suppress(OSError):  # the parent has been killed meanwhile
        os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def groups_name(run: str) -> str:
    """Return the name of a lab's own folder among the control groups, by the path of its run's folder."""
    return f"gtsdsl-{os.path.basename(run)}"  # noqa: PTH119


def main(parent: int, run: str, hosts_file: str) -> None:
    """Wait for the line ``end`` or for the parent's end, then kill the lab's processes.

    ``parent`` is a pidfd of the parent, ``run`` the path of the run's folder, ``hosts_file`` the text of
    ``/etc/hosts``. After ``end``, the parent removes the run's folder; if the parent was killed, the reaper does.
    """
    folder = f"{run}/{FOLDER}"
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)  # they are meant for the parent, and the reaper waits for its end
    try:
        if _libc.unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), f"mount namespace: {os.strerror(ctypes.get_errno())}")
        mount("none", "/", "none", _MS_PRIVATE_ALL)
        mount("gtsdsl", folder, "tmpfs", 0)
        os.mkdir(f"{folder}/sys")  # noqa: PTH102
        for name, text in (("hosts", hosts_file), ("gai.conf", _GAI_CONF)):
            with open(f"{folder}/{name}", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write(text)
            if os.path.exists(f"/etc/{name}"):  # noqa: PTH110
                mount(f"{folder}/{name}", f"/etc/{name}", "none", _MS_BIND)
    except OSError as error:
        os.write(1, f"{error.strerror}\n".encode())
        return
    with contextlib.suppress(BrokenPipeError):  # the parent was killed meanwhile: go on, and clean up
        os.write(1, b"ready\n")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    namespaces: set[int] = set()
    parent_id = os.getppid()
    rest = b""
    in_order = False
    poll = select.poll()  # the parent's descriptor keeps its number, which may be too large for select()
    for descriptor in (0, parent):
        poll.register(descriptor, select.POLLIN)
    while not in_order:
        data = os.read(0, 65536) if 0 in dict(poll.poll()) else b""
        if not data:
            break  # the parent has ended, though one of its children may still hold the other end of the pipe
        *lines, rest = (rest + data).split(b"\n")
        in_order = b"end" in lines
        for line in lines:
            if line != b"end":
                inode, descriptor = map(int, line.split())
                namespaces.add(inode)
                hold(f"/proc/{parent_id}/fd/{descriptor}")
    end_all(namespaces)
    remove_groups(groups_name(run))
    _libc.umount2(os.fsencode(folder), 2)
    if not in_order:
        # the other mounts below the folder were in this namespace only; the lock keeps `gtsdsl clean` from looking
        # for dead runs meanwhile
        with open(f"{os.path.dirname(run)}/lock", "rb") as registry:  # noqa: PTH123, PTH120
            fcntl.flock(registry, fcntl.LOCK_EX)
            shutil.rmtree(run, ignore_errors=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
