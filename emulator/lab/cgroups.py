"""A host's or a container's share of processors and memory to control groups, which its commands join."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.system.errors import EmulationError

_GROUPS = Path("/sys/fs/cgroup")
_PERIOD_US, _QUOTA_LEAST_US = 100_000, 1000
_UNLIMITED = -1
_CONTROLLERS = ("cpu", "memory")


def lacks() -> Iterator[str]:
    """What this machine or its kernel lacks to limit processes, a sentence each, with what mends it."""
    if (_GROUPS / "cgroup.controllers").exists():
        yield "limits need control groups of version 1, which a guest kernel has: --kernel uml"
    elif missing := [name for name in _CONTROLLERS if not (_GROUPS / name / "tasks").exists()]:
        yield f"this kernel has no control groups for {' and '.join(missing)}: take a guest kernel (--kernel uml)"


def limiting_groups(name: str, folder: str, cpus: float | None, memory_bytes: int | None = None) -> tuple[Path, ...]:
    """Make control groups that limit a host or a container of a name, which Docker does not limit, or change them.

    ``folder`` is what the emulation calls its own (`World.groups`); what is in it goes with the emulation. ``cpus`` and
    ``memory_bytes`` are None where there is no limit.

    Raises:
        EmulationError: they cannot be made; see `lacks`.
    """
    groups = tuple(_GROUPS / controller / folder / name for controller in _CONTROLLERS)
    try:
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
            for parameter, value in _values(cpus, memory_bytes):
                if (group / parameter).exists():
                    (group / parameter).write_text(value)
    except OSError as error:
        raise EmulationError(f"{name} cannot have its limits: {error.strerror}") from None
    return groups


def _values(cpus: float | None, memory_bytes: int | None) -> Iterator[tuple[str, str]]:
    yield "cpu.cfs_period_us", str(_PERIOD_US)
    yield "cpu.cfs_quota_us", str(_UNLIMITED if cpus is None else max(_QUOTA_LEAST_US, round(cpus * _PERIOD_US)))
    yield "memory.limit_in_bytes", str(_UNLIMITED if memory_bytes is None else memory_bytes)
