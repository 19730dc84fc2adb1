"""A host that is to be a container of Docker, as a value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Machine:
    """A host of a plan, by its name, and the path of the archive of its image.

    ``cpus`` and ``memory_bytes`` are the most that it may have; None is no limit.
    """

    host: str
    image: str
    cpus: int | None = None
    memory_bytes: int | None = None
