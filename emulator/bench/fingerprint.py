"""The key of a cell: the hash of all that its result depends on."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from emulator import bird
from emulator.outside.runner import RunSettings
from emulator.overlays import overlay_class
from emulator.overlays.model import OverlaySpec
from emulator.system.decode import encode
from emulator.system.files import sha256_of
from emulator.system.programs import find_program
from emulator.task import Task
from emulator.workloads import workload
from emulator.workloads.model import WorkloadRequest
from gtsdsl import __version__

_PACKAGES = Path(__file__).resolve().parents[2]
_REPORT = Path(__file__).with_name("report")


@dataclass(frozen=True, slots=True)
class Need:
    """A file, a program or code on which a cell's result depends, with the SHA-256 of its content.

    ``path`` is its file on this machine; None for gtsdsl's own code and for this machine's kernel.
    """

    name: str
    sha256: str
    path: str | None = None


def needs_of(task: Task, settings: RunSettings) -> tuple[Need, ...]:
    """Return what the result of a cell's task depends on, beside the task; a missing program is left out."""
    overlay, request = _parts(task)
    kernel = settings.choice.kernel
    if kernel is None:
        native = hashlib.sha256(platform.version().encode()).hexdigest()
        found = [code(), Need(f"Linux {platform.release()}", native)]
    else:
        found = [code(), _file(f"guest kernel {kernel.version}", kernel.executable)]
    names = [*overlay_class(overlay.name).daemons, *(["etcd"] if overlay.store is not None else [])]
    names += [bird.PROGRAM] if task.plan.routing is not None else []
    found += [_file(name, Path(path)) for name in names if (path := find_program(name)) is not None]
    images = [*([overlay.image] if overlay.image is not None else []), *(it.image for it in task.docker_hosts)]
    paths = [*(it.path for it in overlay.programs.values()), *images]
    found += [_file(Path(path).name, Path(path)) for path in dict.fromkeys(paths)]
    found += [_file(path.name, path) for path in workload(request.name).files(request)]
    return tuple(dict.fromkeys(found))


def sha256_of_task(task: Task) -> str:
    """Return the hash of a cell's task."""
    return hashlib.sha256(encode(task)).hexdigest()


def key(task_sha256: str, settings: RunSettings, needs: Sequence[Need]) -> str:
    """Return the key of a cell: of its task, the clock, the memory of its guest, and what else it ``needs``.

    The memory counts because TCP's buffers follow it.
    """
    parts = [task_sha256.encode(), settings.choice.clock.value.encode(), str(settings.memory_bytes).encode()]
    digest = hashlib.sha256()
    for part in (*parts, *(need.sha256.encode() for need in needs)):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


def differences(wanted: Sequence[Need], found: Sequence[Need]) -> Iterator[str]:
    """Yield in words what a machine lacks, or has with other content, of what a cell needs: ``it lacks bird``."""
    have = {(it.name, it.sha256) for it in found}
    names = {it.name for it in found}
    for need in wanted:
        if (need.name, need.sha256) not in have:
            yield f"it has another {need.name}" if need.name in names else f"it lacks {need.name}"


@cache
def code() -> Need:
    """Return gtsdsl's own modules as something that a cell needs; those of the report measure nothing."""
    digest = hashlib.sha256()
    for package in ("emulator", "gtsdsl"):
        for path in sorted(set((_PACKAGES / package).rglob("*.py")) - set(_REPORT.rglob("*.py"))):
            digest.update(path.relative_to(_PACKAGES).as_posix().encode() + b"\0" + _known_sha256(path).encode())
    return Need(f"gtsdsl {__version__}", digest.hexdigest())


def _parts(task: Task) -> tuple[OverlaySpec, WorkloadRequest]:
    if task.overlay is None or task.workload is None:
        raise AssertionError("a cell has an overlay and a workload")
    return task.overlay, task.workload


def _file(name: str, path: Path) -> Need:
    return Need(name, _known_sha256(path), str(path))


@cache
def _known_sha256(path: Path) -> str:
    return sha256_of(path)
