"""The kernel's namespaces of the calling thread: unshare(2) and setns(2)."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWNET = 0x00020000, 0x10000000, 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give the calling thread new namespaces, by unshare(2).

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def setns(descriptor: int, flags: int) -> None:
    """Move the calling thread into a namespace, by setns(2).

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.setns(descriptor, flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
