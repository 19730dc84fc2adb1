"""Size of what a guest leaves on this machine; the supervisor ends a guest that leaves too much.

This module imports little, because the supervisor loads it at each start of a guest.
"""

from __future__ import annotations

import errno
import os
import stat

LEAST_BYTES = 2**16
"""The least that each file and folder counts, so that one number limits both bytes and files."""


def size_below(folders: list[str], enough: int) -> int:
    """Return the size of some folders in bytes, counting no further than ``enough``.

    A file counts its length or its space on the disk, whichever is more. A folder that cannot be read counts as
    ``enough``, because a guest can make folders of any depth by renaming, and folders that its user may write but not
    read.
    """
    total, waiting = 0, list(folders)
    while waiting and total < enough:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found = _looked_at(entry.path)
                    if found is not None:
                        total += max(LEAST_BYTES, _size(found))
                        if stat.S_ISDIR(found.st_mode):
                            waiting.append(entry.path)
                    if total >= enough:
                        break
        except PermissionError:
            if (found := _looked_at(folder)) is not None and found.st_uid == os.geteuid():
                return enough
        except OSError as error:  # in most cases the folder has just been removed
            if error.errno == errno.ENAMETOOLONG:
                return enough
    return min(total, enough)


def size_unlinked(process: int) -> int:
    """Return the size in bytes of files without a name, which exist only because a process has them open."""
    folder = f"/proc/{process}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # the process has just ended
        return 0
    found = [_looked_at(f"{folder}/{name}", follow=True) for name in names]
    nameless = [it for it in found if it is not None and stat.S_ISREG(it.st_mode) and it.st_nlink == 0]
    return sum({(it.st_dev, it.st_ino): _size(it) for it in nameless}.values())


def _looked_at(path: str, *, follow: bool = False) -> os.stat_result | None:
    """Return the status of a path; None if it has just vanished, which must not end the count."""
    try:
        return os.stat(path, follow_symlinks=follow)
    except FileNotFoundError:
        return None


def _size(found: os.stat_result) -> int:
    return max(found.st_size, found.st_blocks * 512)
