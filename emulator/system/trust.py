"""Which files are believed: those that nobody but the user and the machine's root can have put there."""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from pathlib import Path

from emulator.system.errors import UntrustedError


def require_own(path: Path, variable: str) -> Path:
    """Return a path, if only the user and root can change what is there, or make what is missing.

    This holds for the path and for each folder and link on the way to it: an owner can let others in later, and who
    may write in a folder can put another one in the place of one that is in it. ``variable`` names the user's other
    way: the environment variable that moves the path.

    Raises:
        UntrustedError: somebody else can; which folder or file it is, and what mends it.
    """
    # root's; in a user namespace, in which the machine's root is nobody, the owner of all that is there
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
                break  # missing, or closed to us too: whoever uses it will be told
            name = shlex.quote(str(each))
            other = f"set {variable} to a folder of your own"
            if found.st_uid not in owners:
                raise UntrustedError(f"{name} belongs to user {found.st_uid}, neither to you nor to root", other)
            if stat.S_ISLNK(found.st_mode):
                waiting.append(each.parent / each.readlink())
            elif _others_may_write(found):
                raise UntrustedError(f"{name} may be written by others", f"chmod go-w {name}, or {other}")
    return path


def _others_may_write(found: os.stat_result) -> bool:
    # where the sticky bit is set, as in /tmp, nobody removes or renames what is another's
    if stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_ISVTX:
        return False
    by_group = found.st_mode & stat.S_IWGRP and not _is_of_one(found.st_gid)
    return bool(found.st_mode & stat.S_IWOTH or by_group)


def _is_of_one(group: int) -> bool:
    """Whether a group is root's, or the user's own, of the same name: many systems let it write by default."""
    if group == Path("/").stat().st_gid:
        return True
    try:
        user, members = pwd.getpwuid(os.geteuid()), grp.getgrgid(group)
    except KeyError:
        return False
    return user.pw_gid == group and members.gr_name == user.pw_name and {*members.gr_mem} <= {user.pw_name}
