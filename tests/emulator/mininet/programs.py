"""The programs in a network's hosts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from emulator.lab.reaper import inhabitants
from emulator.mininet.network import EmulatedNetwork


@contextmanager
def held_namespaces(network: EmulatedNetwork) -> Iterator[set[int]]:
    """Keep the namespaces of a network's hosts, and yield their inode numbers.

    The kernel reuses an inode number as soon as its namespace has gone. Then another network of this machine could have
    processes in a namespace with the same number.
    """
    descriptors = [os.dup(network.lab.namespace(host)) for host in network.lab.hosts]
    try:
        yield {os.fstat(descriptor).st_ino for descriptor in descriptors}
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def programs(namespaces: set[int]) -> set[str]:
    """Return the names of the programs in namespaces, by the inode numbers of these."""
    return {_name_of(pid) for pid in inhabitants(namespaces)}


def _name_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):  # it has ended
        return ""
