"""Confinement of this process, and of all that it starts: it may read files, and write below a few folders.

Root in a guest kernel can mount the machine's file system a second time, writable, so the confinement must be outside
the guest. Landlock (Linux 5.13 and later) confines files and needs no rights; `seccomp` allows only the other system
calls that a guest kernel makes. This module makes Landlock's system calls itself, because the packages on PyPI are a
pre-release (`landlock`) and a new one (`landlockpy`), and because a guest's supervisor starts without installed
packages, so that a guest is up in a fifth of a second.
"""

from __future__ import annotations

import ctypes
import os
import stat

from emulator.kernel.seccomp import restrict_calls

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION_FLAG = 1
_PATH_BENEATH = 1
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAPBSET_DROP = 24
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2

# include/uapi/linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG = 1 << 7, 1 << 8
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _REFER | _TRUNCATE
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE

_HANDLED_BY_ABI = ((1, 13), (2, 14), (3, 15), (5, 16))
"""Pairs: a version of Landlock's interface, and the number of rights to files from that version on."""
_TRUNCATE_FROM, _SCOPES_FROM = 3, 6
"""The versions of Landlock's interface that have a right for truncate(2), and that confine signals."""

_READ_WRITE_DEVICES = ("/dev/null", "/dev/zero")
_READ_DEVICES = ("/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")  # noqa: S108 - read only
"""Devices that may be opened: no terminal, because a guest could read the user's keys there, and no disk."""


class _Ruleset(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("access", ctypes.c_uint64), ("parent", ctypes.c_int32))


_libc = ctypes.CDLL(None, use_errno=True)


def landlock_version() -> int:
    """Return the version of Landlock's interface in the running kernel; 0 if it is missing or switched off."""
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG)))


def unconfined(version: int) -> str:
    """Return what a guest could do that this version of Landlock does not prevent; an empty string for nothing."""
    if version == 0:
        return (
            "root in a guest could write to your files, and a guest that broke out of its kernel could read your"
            " terminals and change your processes"
        )
    if version < _SCOPES_FROM:
        return "a guest that broke out of its kernel could signal your processes (Linux 6.12 and later prevent it)"
    return ""


def confine(writable: list[str | int], version: int) -> None:
    """Confine this process for good: it may read all but devices and other processes, and write below ``writable``.

    ``writable`` are folders, as paths or as descriptors; the descriptors are closed. ``version`` is the version of
    Landlock's interface (`landlock_version`); with 0, reading and writing are not confined.

    Below ``writable`` the process may make files and folders, but no links, pipes, sockets or devices, so that nothing
    in an output folder leads elsewhere. It cannot change modes, owners and times of files, open sockets, share memory,
    or change other processes (`seccomp.restrict_calls`). From version 6 of Landlock's interface on, it cannot signal
    other processes either.

    Raises:
        OSError: the kernel refuses.
    """
    _forgo_privileges()
    if version > 0:
        _restrict_files(writable, version)
    restrict_calls(truncate=version >= _TRUNCATE_FROM)


def _restrict_files(writable: list[str | int], version: int) -> None:
    handled = max((1 << count) - 1 for first, count in _HANDLED_BY_ABI if version >= first)
    ruleset = _Ruleset(handled, 0, 0b11 if version >= _SCOPES_FROM else 0)
    descriptor = _call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    _allow(descriptor, "/", _READ_DIR)
    readable = [f"/{name}" for name in os.listdir("/") if name not in ("dev", "proc")]
    # the environment of other processes has secrets, and Landlock does not protect it by itself (seen in Linux 6.18)
    readable += [f"/proc/{name}" for name in os.listdir("/proc") if not name.isdigit()]
    readable += _READ_DEVICES
    for path in filter(os.path.exists, readable):  # a link may lead nowhere, and a container may lack a device
        _allow(descriptor, path, _READ)
    for path in filter(os.path.exists, _READ_WRITE_DEVICES):
        _allow(descriptor, path, _READ_FILE | _WRITE_FILE)
    for folder in writable:
        _allow(descriptor, folder, (_READ | _WRITE) & handled)
    _call(_RESTRICT_SELF, descriptor, 0)
    os.close(descriptor)


def _forgo_privileges() -> None:
    """Prevent the programs that this process starts from gaining rights, for example by set-user-ID."""
    if _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")


def drop_capabilities(*, write_others_files: bool) -> None:
    """Drop root's rights from the next program on, except the right to read every file.

    Reading stays because the guest's root file system is this machine's, and the guest's programs expect to read what
    root can read. ``write_others_files`` keeps the right to write other users' files, which an output folder needs that
    belongs to the user for whom root runs.

    Raises:
        OSError: the process is not root.
    """
    kept = {_CAP_DAC_READ_SEARCH} | ({_CAP_DAC_OVERRIDE} if write_others_files else set())
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for capability in set(range(last + 1)) - kept:
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_CAPBSET_DROP)")


def _allow(ruleset: int, path: str | int, access: int) -> None:
    descriptor = path if isinstance(path, int) else os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        rule = _Beneath(access if is_folder else access & _OF_FILES, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"Landlock: {os.strerror(ctypes.get_errno())}")
    return result
