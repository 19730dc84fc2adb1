"""The filter of system calls: which calls of a process it allows, passes over and refuses."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.kernel import seccomp
from emulator.kernel.confine import landlock_version
from tests.emulator.kernel.guests import confined

# every system call but those that a filter lets through, with arguments that are none, on a line if it is not refused
CALLS = """
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
spared = set(map(int, sys.argv[1].split(",")))
for number in set(range(1024)) - spared:
    ctypes.set_errno(0)
    result = libc.syscall(number, *[ctypes.c_long(-1)] * 6)
    if result != 0 and ctypes.get_errno() != errno.ENOSYS or result == 0 and number not in passed_over:
        print(number, result, ctypes.get_errno())
    passed_over.discard(number)
print("not passed over:", sorted(passed_over))
"""


@pytest.mark.parametrize("version", sorted({0, landlock_version()}))
def test_every_system_call_that_is_not_on_the_list_is_refused(version: int) -> None:
    """Those that are there only with some arguments too: -1 is none of them."""
    passed_over = f"passed_over = {set(seccomp._PASSED_OVER)}\n"
    trampolines = (335, 336)  # uretprobe, uprobe: the kernel asks no filter about them, and they end whoever calls them
    spared = [*seccomp._ALLOWED, *trampolines, *([] if version < 3 else [seccomp._TRUNCATE])]
    out = confined(passed_over + CALLS, ",".join(map(str, spared)), version=version)
    assert out == ["not passed over: []"]


DANGEROUS = {
    "socket": 41, "connect": 42, "accept": 43, "sendto": 44, "recvfrom": 45, "bind": 49, "listen": 50, "shmget": 29,
    "shmat": 30, "semget": 64, "msgget": 68, "flock": 73, "setpriority": 141, "sched_setparam": 142,
    "sched_setscheduler": 144, "mlock": 149, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
    "reboot": 169, "sched_setaffinity": 203, "io_setup": 206, "mq_open": 240, "add_key": 248, "request_key": 249,
    "keyctl": 250, "ioprio_set": 251, "inotify_init": 253, "unshare": 272, "splice": 275, "perf_event_open": 298,
    "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "sched_setattr": 314, "bpf": 321, "userfaultfd": 323, "preadv2": 327, "pidfd_send_signal": 424,
    "io_uring_setup": 425, "io_uring_enter": 426, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438, "process_madvise": 440, "mount_setattr": 442,
    "landlock_create_ruleset": 444, "memfd_secret": 447, "process_mrelease": 448, "setxattr": 188, "setxattrat": 463,
    "file_setattr": 469,
}  # fmt: skip


def test_no_system_call_that_reaches_out_is_on_the_list() -> None:
    listed = {*seccomp._ALLOWED, *seccomp._PASSED_OVER, *(number for number, _, _ in seccomp._CHOICES)}
    assert [name for name, number in DANGEROUS.items() if number in listed] == []
    assert len(seccomp._ALLOWED) == len(set(seccomp._ALLOWED))


# of calls that are let through with some arguments: what is tried with another, and what it must come to
CHOICES = """
import ctypes, fcntl, os, struct, sys, termios
libc = ctypes.CDLL(None, use_errno=True)
file = os.open(sys.argv[1], os.O_RDONLY)
ours, theirs = map(int, sys.argv[2:])
def clone(flags): return libc.syscall(56, flags | 17, 0, 0, 0, 0)
def tried(what, attempt):
    try:
        attempt()
        print(what, "works")
    except OSError as error:
        print(what, os.strerror(error.errno))
tried("lock", lambda: fcntl.lockf(file, fcntl.LOCK_SH))
tried("lease", lambda: fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK))
tried("flags", lambda: fcntl.ioctl(file, 0x40086602, struct.pack("q", 0x40)))
tried("verity", lambda: fcntl.ioctl(file, 0x40806685, bytes(128)))
tried("type", lambda: fcntl.ioctl(theirs, termios.TIOCSTI, b"x"))
tried("size", lambda: fcntl.ioctl(theirs, termios.TIOCGWINSZ, bytes(8)))
for name, flag in (("user", 0x10000000), ("mount", 0x20000), ("network", 0x40000000)):
    ctypes.set_errno(0)
    pid = clone(flag)
    if pid == 0:
        os._exit(0)
    print(name, os.strerror(ctypes.get_errno()) if pid < 0 else "works")
pid = os.fork() or os._exit(0)
print("fork", "works" if os.waitpid(pid, 0)[1] == 0 else "")
"""


def test_calls_are_let_through_only_for_what_a_guest_needs(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ours, theirs = os.openpty()
    before = f"from emulator.kernel.confine import confine; confine([], {landlock_version()})\n"
    line = [sys.executable, "-c", before + CHOICES, str(tmp_path / "file"), str(ours), str(theirs)]
    done = subprocess.run(line, capture_output=True, text=True, check=True, pass_fds=(ours, theirs))
    os.close(ours)
    os.close(theirs)
    missing = "Function not implemented"
    assert done.stdout.splitlines() == [
        *(f"{what} {missing}" for what in ("lock", "lease", "flags", "verity", "type")),
        "size works",
        *(f"{what} {missing}" for what in ("user", "mount", "network")),
        "fork works",
    ]


# with each call that makes a file, and a mode: what comes of it
MAKES = """
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
folder, here = os.fsencode(sys.argv[1]), -100
for mode in (0o755, 0o4755, 0o2755):
    for name, arguments in (
        ("open", (2, b"/open", os.O_CREAT | os.O_WRONLY, mode)),
        ("creat", (85, b"/creat", mode)),
        ("openat", (257, here, b"/openat", os.O_CREAT | os.O_WRONLY, mode)),
        ("mknod", (133, b"/mknod", 0o100000 | mode, 0)),
        ("mknodat", (259, here, b"/mknodat", 0o100000 | mode, 0)),
    ):
        path = next(it for it in arguments if isinstance(it, bytes))
        made = libc.syscall(*(folder + it + b"-%o" % mode if it is path else it for it in arguments))
        print(oct(mode), name, "works" if made >= 0 else os.strerror(ctypes.get_errno()))
"""


def test_not_even_its_kernel_can_make_a_program_that_runs_as_the_user(tmp_path: Path) -> None:
    before = f"from emulator.kernel.confine import confine; confine([{str(tmp_path)!r}], {landlock_version()})\n"
    line = [sys.executable, "-c", before + MAKES, str(tmp_path)]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    ways = ("open", "creat", "openat", "mknod", "mknodat")
    outcomes = {0o755: "works", 0o4755: "Function not implemented", 0o2755: "Function not implemented"}
    assert done.stdout.splitlines() == [f"{oct(mode)} {way} {said}" for mode, said in outcomes.items() for way in ways]
    assert not any(path.stat().st_mode & 0o6000 for path in tmp_path.iterdir())
