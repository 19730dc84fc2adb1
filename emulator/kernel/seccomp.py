"""Filter of system calls: this process, and all that it starts, may make only those that a guest kernel makes.

Landlock governs which files a process reads and writes. Other system calls give a process the rest of its machine:
sockets, signals, shared memory, keyrings, limits of other processes. The filter lists the calls of User-Mode Linux and
the C library. Each other call fails as in a kernel that lacks it (ENOSYS), and so does a call that a later kernel adds.

Root in a guest can change the machine's files by path (hostfs), and Landlock has no right for `chmod` and its like. A
filter sees numbers and no paths, so it cannot allow those calls for the output folder alone. It lets them do nothing
and succeed, as shared folders of other virtual machines do, because programs that copy and unpack (`cp -p`, `tar`,
`git`, Python's `shutil.copy`) would fail otherwise. UML itself calls `fchmod` on its memory file, and ends if that
fails.
"""

from __future__ import annotations

import ctypes
import os
import struct

# asm/unistd_64.h: UML runs on x86-64 only
_ALLOWED = (
    # open files: read, write, close, lseek, pread64, pwrite64, readv, writev, preadv, pwritev, dup, dup2, dup3, pipe,
    # pipe2, close_range, fsync, fdatasync, ftruncate, fallocate, memfd_create
    *(0, 1, 3, 8, 17, 18, 19, 20, 295, 296, 32, 33, 292, 22, 293, 436, 74, 75, 77, 285, 319),
    # paths: stat, fstat, lstat, newfstatat, statx, access, faccessat, faccessat2, readlink, readlinkat, statfs,
    # fstatfs, getdents, getdents64, getcwd, chdir, fchdir, umask
    *(4, 5, 6, 262, 332, 21, 269, 439, 89, 267, 137, 138, 78, 217, 79, 80, 81, 95),
    # calls that Landlock governs: rename, renameat, renameat2, mkdir, mkdirat, rmdir, unlink, unlinkat, link, linkat,
    # symlink, symlinkat
    *(82, 264, 316, 83, 258, 84, 87, 263, 86, 265, 88, 266),
    # memory: mmap, mprotect, munmap, brk, mremap, msync, madvise
    *(9, 10, 11, 12, 25, 26, 28),
    # waiting: poll, ppoll, select, pselect6, epoll_create, epoll_create1, epoll_ctl, epoll_wait, epoll_pwait, eventfd,
    # eventfd2, signalfd, signalfd4, futex, sched_yield, pause
    *(7, 271, 23, 270, 213, 291, 233, 232, 281, 284, 290, 282, 289, 202, 24, 34),
    # time: nanosleep, clock_gettime, clock_getres, clock_nanosleep, gettimeofday, time, getcpu, setitimer, getitimer,
    # timer_create, timer_settime, timer_gettime, timer_getoverrun, timer_delete
    *(35, 228, 229, 230, 96, 201, 309, 38, 36, 222, 223, 224, 225, 226),
    # signals: rt_sigaction, rt_sigprocmask, rt_sigreturn, rt_sigpending, rt_sigtimedwait, rt_sigsuspend, sigaltstack,
    # kill, tkill, tgkill. Landlock keeps them inside, from its version 6 on
    *(13, 14, 15, 127, 128, 130, 131, 62, 200, 234),
    # its own processes: vfork, fork, execve, execveat, exit, exit_group, wait4, waitid, getpid, getppid, gettid,
    # getpgrp, setpgid, setsid, ptrace (Landlock keeps it inside), seccomp, arch_prctl, personality, modify_ldt
    *(58, 57, 59, 322, 60, 231, 61, 247, 39, 110, 186, 111, 109, 112, 101, 317, 158, 135, 154),
    # the C library's: set_tid_address, set_robust_list, rseq, membarrier, restart_syscall, getrandom, uname, sysinfo,
    # getrlimit, setrlimit, getrusage, sched_getaffinity, getuid, getgid, geteuid, getegid, getresuid, getresgid
    *(218, 273, 334, 324, 219, 318, 63, 99, 97, 160, 98, 204, 102, 104, 107, 108, 118, 120),
    # messages over a socketpair: sendmsg, recvmsg
    *(46, 47),
)
_PASSED_OVER = (
    *(90, 91, 268, 452),  # chmod, fchmod, fchmodat, fchmodat2
    *(92, 93, 94, 260),  # chown, fchown, lchown, fchownat
    *(132, 235, 261, 280),  # utime, utimes, futimesat, utimensat
)
_MAKING_FILES = ((2, 2), (85, 1), (257, 3), (133, 1), (259, 2))
"""Calls that can make a file, with the index of their mode argument: open, creat, openat, mknod, mknodat."""
_SET_ID = 0o6000
"""The bits of a mode (set-user-ID, set-group-ID) that let a program run as its owner, who is the user of the guest."""
_TRUNCATE = 76
_CLONE = 56
_NEW_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET."""
_X32_FROM = 0x40000000
"""The first number of the x32 system calls, which have pointers of 32 bits."""


_CHOICES = (
    # prlimit64: of this process itself
    (302, 0, (0,)),
    # fcntl: F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_SETOWN, F_GETOWN, F_SETSIG, F_DUPFD_CLOEXEC, F_ADD_SEALS; no
    # locks, because a lock on a readable file could block another program
    (72, 1, (0, 1, 2, 3, 4, 8, 9, 10, 1030, 1033)),
    # ioctl: of terminals TCGETS, TCSETS, TCSETSW, TCSETSF, the same with TERMIOS2, TIOCSCTTY, TIOCGPGRP, TIOCSPGRP,
    # TIOCGWINSZ; FIONREAD, FIONBIO, FIOCLEX; nothing that changes a file's flags, or types in a user's place (TIOCSTI,
    # TIOCLINUX)
    (16, 1, (*range(0x5401, 0x5405), 0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D, 0x540E, 0x540F, 0x5410, 0x5413,
             0x541B, 0x5421, 0x5451)),
    # prctl: PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_NO_NEW_PRIVS
    (157, 0, (1, 15, 38)),
    # socketpair: SOCK_STREAM alone or with SOCK_NONBLOCK and SOCK_CLOEXEC: such a socket reaches its peer and no other
    (53, 1, tuple(1 | flags for flags in (0, 0o4000, 0o2000000, 0o2004000))),
)  # fmt: skip
"""Calls that are allowed with some values of one argument only: the call, the argument's index, the values."""

# linux/audit.h, linux/bpf_common.h, linux/seccomp.h
_X86_64 = 0xC000003E
_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT, _ARGUMENT_BYTES = 0, 4, 16, 8
_ALLOW, _PASS_OVER, _REFUSE = 0x7FFF0000, 0x00050000, 0x00050026
"""Results of the filter: allow the call; do nothing and report success (error 0); report a missing call (ENOSYS, 38).

After ENOSYS for clone3, for example, the C library makes an older call, whose arguments a filter can see.
"""
_SECCOMP, _SET_MODE_FILTER = 317, 1
_SPEC_ALLOW = 4
"""The flag without which a kernel before 5.16 slows the process down (SECCOMP_FILTER_FLAG_SPEC_ALLOW)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.c_char_p))


def restrict_calls(*, truncate: bool) -> None:
    """Install the filter for good: it allows a guest kernel's calls; those for modes, owners and times do nothing.

    ``truncate`` allows truncate(2), which Landlock governs from its version 3 on; a file that is open for writing may
    be truncated in any case. The process must have set PR_SET_NO_NEW_PRIVS.

    Raises:
        OSError: the kernel has no filters of system calls.
    """
    allowed = (*_ALLOWED, _TRUNCATE) if truncate else _ALLOWED
    filters = [
        _instruction(_LOAD, _ARCHITECTURE_AT),
        *_unless(_JUMP_EQUAL, _X86_64, _REFUSE),
        _instruction(_LOAD, _NUMBER_AT),
        *_if(_JUMP_AT_LEAST, _X32_FROM, _REFUSE),
        *(part for number in allowed for part in _if(_JUMP_EQUAL, number, _ALLOW)),
        *(part for number in _PASSED_OVER for part in _if(_JUMP_EQUAL, number, _PASS_OVER)),
        *(part for call in _MAKING_FILES for part in _only_without(*call, _SET_ID)),
        *(part for choice in _CHOICES for part in _only_with(*choice)),
        *_unless(_JUMP_EQUAL, _CLONE, _REFUSE),
        _load_argument(0),
        *_if(_JUMP_ANY_BIT, _NEW_NAMESPACES, _REFUSE),
        _instruction(_RETURN, _ALLOW),
    ]
    program = _Program(len(filters), b"".join(filters))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(_SECCOMP, _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.byref(program)) != 0:
        raise OSError(ctypes.get_errno(), f"seccomp: {os.strerror(ctypes.get_errno())}")


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    """Return an instruction of a filter (`struct sock_filter`); a jump has the number of instructions to skip."""
    return struct.pack("HBBI", code, if_true, if_false, value)


def _load_argument(argument: int) -> bytes:
    """Return the instruction that loads the lower half of an argument."""
    return _instruction(_LOAD, _ARGUMENTS_AT + argument * _ARGUMENT_BYTES)


def _if(jump: int, value: int, end: int) -> tuple[bytes, bytes]:
    return _instruction(jump, value, 0, 1), _instruction(_RETURN, end)


def _unless(jump: int, value: int, end: int) -> tuple[bytes, bytes]:
    return _instruction(jump, value, 1, 0), _instruction(_RETURN, end)


def _only_with(number: int, argument: int, values: tuple[int, ...]) -> list[bytes]:
    """Return the part of a filter that allows one call if its argument is one of ``values``."""
    checks = [part for value in values for part in _if(_JUMP_EQUAL, value, _ALLOW)]
    return _for_call(number, _load_argument(argument), *checks, _instruction(_RETURN, _REFUSE))


def _only_without(number: int, argument: int, bits: int) -> list[bytes]:
    """Return the part of a filter that allows one call if its argument has none of ``bits``."""
    check = _if(_JUMP_ANY_BIT, bits, _REFUSE)
    return _for_call(number, _load_argument(argument), *check, _instruction(_RETURN, _ALLOW))


def _for_call(number: int, *checks: bytes) -> list[bytes]:
    """Return the part of a filter that decides about one call and is skipped for each other call."""
    return [_instruction(_JUMP_EQUAL, number, 0, len(checks)), *checks]
