"""A container's share of processors and memory to control groups, which its commands join."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.errors import EmulationError
from emulator.overlays.model import Container

_GROUPS = Path("/sys/fs/cgroup")
_PERIOD_US = 100_000
_CONTROLLERS = ("cpu", "memory")


def lacks() -> Iterator[str]:
    """What this machine or its kernel lacks to limit processes, a sentence each, with what mends it."""
    if (_GROUPS / "cgroup.controllers").exists():
        yield "limits (--flavors) need control groups of version 1, which a guest kernel has: --kernel uml"
    elif missing := [name for name in _CONTROLLERS if not (_GROUPS / name / "tasks").exists()]:
        yield f"this kernel has no control groups for {' and '.join(missing)}: take a guest kernel (--kernel uml)"


def container_groups(container: Container, folder: str) -> tuple[Path, ...]:
    """New control groups for a container that has limits, and is none of Docker's: those have theirs.

    ``folder`` is what the emulation calls its own (`World.groups`); what is in it goes with the emulation.

    Raises:
        EmulationError: none can be made; see `lacks`.
    """
    made = tuple(_GROUPS / name / folder / container.name for name in _CONTROLLERS)
    try:
        for group in made:
            group.mkdir(parents=True)
            for name, value in _values(container):
                if (group / name).exists():
                    (group / name).write_text(value)
    except OSError as error:
        raise EmulationError(f"{container.name} cannot have its flavor's limits: {error.strerror}") from None
    return made


def _values(container: Container) -> Iterator[tuple[str, str]]:
    if container.cpus is not None:
        yield "cpu.cfs_period_us", str(_PERIOD_US)
        yield "cpu.cfs_quota_us", str(container.cpus * _PERIOD_US)
    if container.memory_bytes is not None:
        yield "memory.limit_in_bytes", str(container.memory_bytes)
