"""Containers as values: one that a user asks for, and one that runs in a lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

Runtime: TypeAlias = Literal["process", "docker"]
"""The implementation of a container: processes in a network namespace, or a container of a `dockerd` in its host."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container to start on ``host``, a host's name. Its own ``name`` is unique in the lab and resolves everywhere.

    ``cpus`` and ``memory_bytes`` are its limits; None is no limit. In a virtual clock, computing takes no time, so a
    limit of processors has no effect.
    """

    name: str
    host: str
    cpus: int | None = None
    memory_bytes: int | None = None

    @property
    def has_limits(self) -> bool:
        """Whether its processors or its memory are limited."""
        return self.cpus is not None or self.memory_bytes is not None


class RunningContainer(Protocol):
    """A container with namespaces of its own beyond the network's, such as one of Docker."""

    @property
    def is_there(self) -> bool:
        """Whether the container still runs."""

    def enter(self, command: Sequence[str], environment: Mapping[str, str], *, terminal: bool) -> list[str]:
        """Return the command line that runs a command in the container.

        ``environment`` is that of the lab's processes. With ``terminal``, the command gets a terminal in the container,
        connected to the terminal that the command line is started on.

        Raises:
            EmulationError: the container has ended.
        """


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container that runs: the descriptor of its network namespace, and its address in the overlay.

    ``running`` is the container that its commands enter; None if it has a network namespace only. ``hosts_file`` is
    its ``/etc/hosts``, which the lab adds all names to; None if something else resolves names in it. ``ipv6_address``
    is its IPv6 address in the overlay; None without IPv6.
    """

    namespace: int
    address: str
    running: RunningContainer | None = None
    hosts_file: Path | None = None
    ipv6_address: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """The container's address, and its IPv6 address if it has one."""
        return (self.address,) if self.ipv6_address is None else (self.address, self.ipv6_address)
