"""Network namespaces without names: made, entered and held by descriptors, gone with the process that holds them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from collections.abc import Callable, Iterator
from typing import TypeVar

from emulator.system.errors import EmulationError

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x04000000,
    0x10000000,
    0x20000000,
    0x40000000,
)

_SPARE_DESCRIPTORS = 200

_libc = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


def unshare(flags: int) -> None:
    """unshare(2), for the calling thread.

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.unshare(flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def setns(descriptor: int, flags: int) -> None:
    """setns(2), for the calling thread.

    Raises:
        OSError: the kernel refuses.
    """
    if _libc.setns(descriptor, flags) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def current(kind: str) -> int:
    """A descriptor of the calling thread's namespace of a kind: ``net``, ``mnt``, ``pid``."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def returning() -> Iterator[None]:
    """Within it, the thread may go to other network namespaces; after it, it is where it was before."""
    home = current("net")
    try:
        yield
    finally:
        try:
            setns(home, CLONE_NEWNET)
        finally:
            os.close(home)


@contextlib.contextmanager
def entered(descriptor: int) -> Iterator[None]:
    """Within it, the thread is in a network namespace: sockets that it opens, and processes that it starts, are too."""
    with returning():
        setns(descriptor, CLONE_NEWNET)
        yield


def create(count: int, visit: Callable[[int], _T]) -> list[tuple[int, _T]]:
    """New network namespaces: for each its descriptor, and what ``visit(index)`` gave when called inside it.

    They have no name and no process: they live as long as a descriptor, a socket or a process holds them, and vanish
    with the process that made them however it ends, SIGKILL included.

    Raises:
        EmulationError: the kernel refuses; none of them is left.
    """
    made: list[tuple[int, _T]] = []
    descriptor = -1
    try:
        with returning():
            for index in range(count):
                unshare(CLONE_NEWNET)
                descriptor = current("net")
                made.append((descriptor, visit(index)))
    except BaseException as error:
        for open_descriptor in {descriptor, *(item[0] for item in made)} - {-1}:
            os.close(open_descriptor)
        if isinstance(error, PermissionError):
            raise EmulationError(
                "network namespaces need root, or a user namespace of your own: `unshare --map-root-user COMMAND`"
            ) from None
        if isinstance(error, OSError):
            raise EmulationError(
                f"network namespace {len(made) + 1} of {count} cannot be made: {error.strerror}"
            ) from None
        raise
    return made


def allow_descriptors(count: int) -> None:
    """Raise this process's limit of open descriptors, as far as it may, so that ``count`` more can be opened.

    Beside those that are counted there is room for the ones that come and go.

    Raises:
        EmulationError: it may not.
    """
    needed = count + _SPARE_DESCRIPTORS + len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (names are all that is wanted)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise EmulationError(
                f"{needed} open files are needed, {hard} allowed: raise the limit, as with `ulimit -n {needed}` as root"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
