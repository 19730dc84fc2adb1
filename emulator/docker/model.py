"""Containers of Docker as values: a host that is to be one, and one that runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DockerHost:
    """A host of a plan, by its name, and the path of the archive of its image.

    ``cpus`` and ``memory_bytes`` are the most that it may have; None is no limit.
    """

    host: str
    image: str
    cpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RunningContainer:
    """A container as `runc` knows it, by ``identifier``, in its folder ``root``; ``pid`` is its first process."""

    pid: int
    identifier: str
    root: Path

    @property
    def is_there(self) -> bool:
        """Whether it runs still."""
        return (self.root / self.identifier).exists()
