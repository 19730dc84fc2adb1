"""Rights to make networks for an ordinary user: root in the process's own user namespace, and nowhere else."""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.unshare import CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWUSER, unshare

_PR_SET_DUMPABLE = 4
_PARAMETERS_FOLDER = Path("/proc/sys")
_PARAMETERS = (
    ("kernel.unprivileged_userns_clone", "0", "1"),  # Debian's
    ("user.max_user_namespaces", "0", "10000"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),  # Ubuntu's, from 24.04 on
)
"""Kernel parameters that keep ordinary users from user namespaces: name, forbidding value, allowing value."""
_CAP_SYS_ADMIN, _CAP_NET_ADMIN = 21, 12


def may_make_networks() -> bool:
    """Return whether this process has the rights to make network namespaces: CAP_SYS_ADMIN and CAP_NET_ADMIN."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            held = int(line.split()[1], 16)
            return bool(held >> _CAP_SYS_ADMIN & 1 and held >> _CAP_NET_ADMIN & 1)
    return False


def opening_command() -> str:
    """Return the command that allows user namespaces, if parameters of the kernel forbid them; else an empty string."""
    closed = []
    for name, shut, open_ in _PARAMETERS:
        file = _PARAMETERS_FOLDER.joinpath(name.replace(".", "/"))
        if file.exists() and file.read_text().strip() == shut:
            closed.append(f"{name}={open_}")
    return f"sysctl -w {' '.join(closed)}" if closed else ""


def enter() -> None:
    """Move this process into a new user namespace, in which the user is root, if the process lacks the rights.

    The process cannot leave it again. To the machine, the process stays the user's, with the user's rights. It rules
    only the network and mount namespaces that it makes from now on. Files of other users appear as nobody's.

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
        # else a process whose program may be executed but not read could not write to its own /proc files
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
