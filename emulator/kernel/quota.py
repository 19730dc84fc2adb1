"""Count what a guest leaves on the host, for the keeper to end a guest that leaves too much.

The keeper loads this module, so it imports little.
"""

from __future__ import annotations

import errno
import os
import stat

LEAST_BYTES = 2**16
"""What each file and folder counts, at least: so one number bounds bytes and files alike."""


def size_below(folders: list[str], enough: int) -> int:
    """What is in some folders, in bytes; ``enough`` where it is that much or more.

    A file counts what it shows as its length, or what it takes of the disk, whichever is more. What cannot be looked
    into counts ``enough``: by renaming, a guest can make folders of any depth, and it can make one that its user may
    write to but not read.
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
        except OSError as error:  # most often it has just been removed
            if error.errno == errno.ENAMETOOLONG:
                return enough
    return min(total, enough)


def size_unlinked(process: int) -> int:
    """What is in files that have no name any more, and are there only because a process has them open; in bytes."""
    folder = f"/proc/{process}/fd"
    try:
        names = os.listdir(folder)
    except OSError:  # the process has just ended
        return 0
    found = [_looked_at(f"{folder}/{name}", follow=True) for name in names]
    nameless = [it for it in found if it is not None and stat.S_ISREG(it.st_mode) and it.st_nlink == 0]
    return sum({(it.st_dev, it.st_ino): _size(it) for it in nameless}.values())


def _looked_at(path: str, *, follow: bool = False) -> os.stat_result | None:
    """What is at a path; None if it has just gone, which must not end the look at everything else."""
    try:
        return os.stat(path, follow_symlinks=follow)
    except FileNotFoundError:
        return None


def _size(found: os.stat_result) -> int:
    return max(found.st_size, found.st_blocks * 512)
