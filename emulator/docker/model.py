"""Docker hosts and running containers of Docker, as values."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.docker import programs
from emulator.system.errors import EmulationError
from emulator.system.run_folders import MARK

HOST_NETWORK, BRIDGE_NETWORK, NO_NETWORK = "host", "bridge", "none"
"""Docker's names of networks: that of the daemon's host, that of the bridge ``docker0``, and no network."""


@dataclass(frozen=True, slots=True)
class DockerHost:
    """A host of a plan that is to be a container of Docker.

    ``host`` is its name in the plan, and ``image`` the path of the archive of its image. ``cpus`` and ``memory_bytes``
    are upper limits; None means no limit.
    """

    host: str
    image: str
    cpus: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RuncContainer:
    """A container that `runc` runs.

    ``pid`` is its first process, ``identifier`` its name in runc's state folder ``root``.
    """

    pid: int
    identifier: str
    root: Path

    @property
    def is_there(self) -> bool:
        """True while the container runs."""
        return (self.root / self.identifier).exists()

    def enter(self, command: Sequence[str], environment: Mapping[str, str], *, terminal: bool) -> list[str]:
        """Return the command line that runs a command in the container as `docker exec` does: by `runc`.

        `runc` trusts nothing in the container. The command gets the container's own environment, user, control groups,
        system call filter and capabilities, and CAP_NET_ADMIN, because a host may change its own network.

        Raises:
            EmulationError: the container has ended.
        """
        if not self.is_there:
            raise EmulationError("the container has ended: the command of its image must keep running")
        kept = [f"--env={name}={environment[name]}" for name in (MARK, "TERM") if name in environment]
        runc = [shutil.which("runc", path=programs.PATH) or "runc", f"--root={self.root}", "exec"]
        return [*runc, "--cap=CAP_NET_ADMIN", *kept, *(["--tty"] if terminal else []), self.identifier, *command]
