"""Trust in files: only those are used that nobody but the user and the machine's root can have written."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from emulator.system.errors import UntrustedError


def require_own(path: Path, remedy: str) -> Path:
    """Return a path unchanged, if only the user and root can change its file, or make it where it is missing.

    The check covers the path and each folder and link on the way to it: the owner of a folder can give others its
    rights later, and who may write in a folder can replace what is in it. ``remedy`` says how the user gets a path that
    nobody else can change, and ends the error.

    Raises:
        UntrustedError: another user can; the message names the folder or file and says how to mend it.
    """
    # the owner of / is the machine's root, also in a user namespace, where that root has another number
    owners = {os.geteuid(), Path("/").stat().st_uid}
    waiting, seen = [path.absolute()], set[Path]()
    while waiting:
        target = waiting.pop()
        for each in (*reversed(target.parents), target):
            if each in seen:
                continue
            seen.add(each)
            try:
                found = each.lstat()
            except OSError:
                break  # it is missing or unreadable: the caller's first use of it fails
            name = shlex.quote(str(each))
            if found.st_uid not in owners:
                raise UntrustedError(f"{name} belongs to user {found.st_uid}, neither to you nor to root", remedy)
            if stat.S_ISLNK(found.st_mode):
                waiting.append(each.parent / each.readlink())
            elif each != target and not stat.S_ISDIR(found.st_mode):
                break  # no path leads through a file: the caller's first use of it fails
            elif _others_may_write(found):
                raise UntrustedError(f"{name} may be written by others", f"chmod go-w {name}, or {remedy}")
    return path


def _others_may_write(found: os.stat_result) -> bool:
    # in a folder with the sticky bit, such as /tmp, only its owner can remove or rename a file
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return False
    by_group = found.st_mode & stat.S_IWGRP and not _is_of_one(found.st_gid)
    return bool(found.st_mode & stat.S_IWOTH or by_group)


def _is_of_one(group: int) -> bool:
    """Return whether a group has one member: root's group, or the user's own, which many systems let write."""
    if group == Path("/").stat().st_gid:
        return True
    try:
        user, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and members.gr_name == user.pw_name and {*members.gr_mem} <= {user.pw_name}
