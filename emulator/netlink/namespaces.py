"""Network namespaces without names: descriptors hold them, and they vanish with the process that has those."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from typing import TypeVar

from emulator.system.errors import EmulationError
from emulator.system.unshare import CLONE_NEWNET, setns, unshare

_SPARE_DESCRIPTORS = 200

_T = TypeVar("_T")


def current(kind: str) -> int:
    """Return a new descriptor of the calling thread's namespace of a kind: ``net``, ``mnt`` or ``pid``."""
    return os.open(f"/proc/thread-self/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)


@contextlib.contextmanager
def returning() -> Iterator[None]:
    """Bring the thread back to its network namespace at the end of the context."""
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
    """Put the thread into a network namespace; sockets and processes that it makes are in that namespace too."""
    with returning():
        setns(descriptor, CLONE_NEWNET)
        yield


def create(count: int, visit: Callable[[int], _T]) -> list[tuple[int, _T]]:
    """Make network namespaces; return for each its descriptor and the result of ``visit(index)``, called inside it.

    A namespace has no name and no process. It lives as long as a descriptor, a socket or a process holds it, so it
    vanishes with the process that made it, in whatever way that ends, SIGKILL included.

    Raises:
        EmulationError: the kernel refuses; no namespace is left.
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
    """Raise this process's limit of open descriptors, so that it can open ``count`` more and some spare ones.

    Raises:
        EmulationError: the machine's hard limit is lower.
    """
    needed = count + _SPARE_DESCRIPTORS + len(os.listdir("/proc/self/fd"))  # noqa: PTH208 (only the count is needed)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise EmulationError(
                f"{needed} open files are needed, {hard} allowed: raise the limit, as with `ulimit -n {needed}` as root"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
