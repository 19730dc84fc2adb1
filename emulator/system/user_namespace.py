"""An ordinary user to one who may make networks: root in a user namespace of the process's own, and nowhere else."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

from emulator.netlink.namespaces import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, unshare
from emulator.system.errors import EmulationError

_PR_SET_DUMPABLE = 4
_PARAMETERS_FOLDER = Path("/proc/sys")
_PARAMETERS = (
    ("kernel.unprivileged_userns_clone", "0", "1"),  # Debian's
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),  # of Ubuntu, from 24.04 on
)
"""Parameters of the kernel's that keep ordinary users from it: by which value, and which one lets them."""
_CAP_SYS_ADMIN, _CAP_NET_ADMIN = 21, 12


def may_make_networks() -> bool:
    """Whether this process has the rights (CAP_SYS_ADMIN and CAP_NET_ADMIN) to make network namespaces as it is."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return bool(held >> _CAP_SYS_ADMIN & 1 and held >> _CAP_NET_ADMIN & 1)
    return False


def opening_command() -> str:
    """What lets ordinary users have user namespaces, where the kernel's parameters forbid it; empty where none does."""
    closed = []
    for name, shut, open_ in _PARAMETERS:
        file = _PARAMETERS_FOLDER.joinpath(name.replace(".", "/"))
        if file.exists() and file.read_text().strip() == shut:
            closed.append(f"{name}={open_}")
    return f"sysctl -w {' '.join(closed)}" if closed else ""


def enter() -> None:
    """Move this process into a user namespace in which the user is root, if it needs that. There is no way back.

    What it owns it owns still, and to the machine it is the user that it was; only what it makes from now on (network
    and mount namespaces) is its own to rule. Files that others own become nobody's.

    Raises:
        EmulationError: the machine does not let ordinary users have user namespaces, or the process has threads.
    """
    if may_make_networks():
        return
    if threading.active_count() > 1:
        raise EmulationError("a process with threads cannot enter a user namespace: do so before any is started")
    user, group = os.getuid(), os.getgid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        # a process whose program may be executed and not read could not write to its own /proc otherwise
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    except OSError as error:
        allow = f"allow them (`{command}`), " if (command := opening_command()) else ""
        raise EmulationError(
            f"this machine does not let you have a user namespace ({error.strerror}): run it as root, {allow}"
            "or use a guest kernel (`gtsdsl kernel build`)"
        ) from None
