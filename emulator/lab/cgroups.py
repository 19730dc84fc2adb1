"""Control groups that limit the processors and the memory of a host's or a container's commands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from emulator.system.errors import EmulationError

_GROUPS = Path("/sys/fs/cgroup")
_PERIOD_US, _QUOTA_LEAST_US = 100_000, 1000
_UNLIMITED = -1
_CONTROLLERS = ("cpu", "memory")


def lacks() -> Iterator[str]:
    """Yield what this machine or its kernel lacks to limit processes: a sentence each, with the remedy."""
    if (_GROUPS / "cgroup.controllers").exists():
        yield "limits need control groups of version 1, which a guest kernel has: --kernel uml"
    elif missing := [name for name in _CONTROLLERS if not (_GROUPS / name / "tasks").exists()]:
        yield f"this kernel has no control groups for {' and '.join(missing)}: use a guest kernel (--kernel uml)"


def limiting_groups(name: str, folder: str, cpus: float | None, memory_bytes: int | None = None) -> tuple[Path, ...]:
    """Make or change the control groups that limit the commands of a host or a container.

    ``folder`` is the lab's own folder among the control groups (`Processes.groups`), which is removed with the lab.
    ``cpus`` is a number of processors; it and ``memory_bytes`` are None for no limit.

    Raises:
        EmulationError: the control groups cannot be made; `lacks` says why.
    """
    groups = tuple(_GROUPS / controller / folder / name for controller in _CONTROLLERS)
    try:
        for group in groups:
            group.mkdir(parents=True, exist_ok=True)
            for parameter, value in _values(cpus, memory_bytes):
                if (group / parameter).exists():
                    (group / parameter).write_text(value)
    except OSError as error:
        raise EmulationError(f"the limits of {name} cannot be set: {error.strerror}") from None
    return groups


def _values(cpus: float | None, memory_bytes: int | None) -> Iterator[tuple[str, str]]:
    yield "cpu.cfs_period_us", str(_PERIOD_US)
    yield "cpu.cfs_quota_us", str(_UNLIMITED if cpus is None else max(_QUOTA_LEAST_US, round(cpus * _PERIOD_US)))
    yield "memory.limit_in_bytes", str(_UNLIMITED if memory_bytes is None else memory_bytes)
