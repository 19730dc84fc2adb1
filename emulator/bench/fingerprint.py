"""The key of a cell: the hash of all that its result depends on."""

from __future__ import annotations

import hashlib
import platform
from functools import cache
from pathlib import Path

from emulator.bench.cells import Cell
from emulator.outside.runner import RunSettings
from emulator.overlays import overlay_class
from emulator.system.decode import encode
from emulator.system.programs import find_program
from emulator.workloads import workload

_PACKAGES = Path(__file__).resolve().parents[2]


def key(cell: Cell, settings: RunSettings) -> str:
    """Return the key of a cell: of its task, the kernel, the clock, this version of gtsdsl and the programs that run.

    The memory of the guest counts too, because TCP's buffers follow it.
    """
    if cell.task.overlay is None or cell.task.workload is None:
        raise AssertionError("a cell has an overlay and a workload")
    parts = [encode(cell.task), settings.choice.clock.value.encode(), str(settings.memory_bytes).encode(), _code()]
    kernel = settings.choice.kernel
    parts.append(platform.version().encode() if kernel is None else _content(str(kernel.executable)))
    overlay = cell.task.overlay
    names = [*overlay_class(overlay.name).daemons, *(["etcd"] if overlay.store is not None else [])]
    parts += [_content(path) for name in names if (path := find_program(name)) is not None]
    parts += [_content(str(path)) for path in workload(cell.task.workload.name).files(cell.task.workload)]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


@cache
def _content(path: str) -> bytes:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@cache
def _code() -> bytes:
    """Return the hash of gtsdsl's own modules."""
    digest = hashlib.sha256()
    for package in ("emulator", "gtsdsl"):
        for path in sorted((_PACKAGES / package).rglob("*.py")):
            digest.update(path.relative_to(_PACKAGES).as_posix().encode() + b"\0" + _content(str(path)))
    return digest.digest()
