"""Output folder of a guest: it may not hold, be or lie in a folder whose files this machine trusts or runs.

A path does not tell where a folder is, because links and bind mounts give it other paths. So folders are compared by
their positions in their file systems, and a guest gets a folder as a descriptor that was checked after it was opened.
"""

from __future__ import annotations

import contextlib
import errno
import os
import site
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from emulator.system.errors import EmulationError
from emulator.system.folders import cache_folder, state_folder
from emulator.system.programs import absolute_folders, search_folders
from emulator.system.run_folders import PREFIX, SHARED_MEMORY, runs_folder

_PACKAGES = Path(__file__).resolve().parents[2]
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - only compared, never written
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class _Position(NamedTuple):
    """The position of a folder: its file system (``8:1``) and its path in that, wherever that is mounted."""

    device: str
    path: PurePosixPath


class _Mount(NamedTuple):
    parent: str
    device: str
    root: PurePosixPath
    """The folder of the file system that is mounted."""
    point: PurePosixPath


def check_output(path: Path) -> Path:
    """Return the output folder as an absolute path without links; make it if it is missing.

    Raises:
        EmulationError: the folder cannot be made, the path is no folder, or a guest must not get this folder.
    """
    try:
        # resolved, because a path may lead back (`..`) from a folder that does not exist yet
        _refuse_ours(path, _positions_of(path.resolve()))
        path.mkdir(parents=True, exist_ok=True)
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, before Python 3.13
        why = error.strerror if isinstance(error, OSError) else "it is a loop of links"
        raise EmulationError(f"{path}: the output folder cannot be made: {why}") from None
    if not os.access(resolved, os.W_OK | os.X_OK):
        raise EmulationError(f"{path}: you may not write in the output folder")
    return resolved


def open_output(path: Path) -> int:
    """Open an output folder for a guest and check the opened folder, because the path may have changed meanwhile.

    Raises:
        EmulationError: the path is no folder, or a guest must not get it.
    """
    try:
        descriptor = os.open(path, _FOLDER)
    except OSError as error:
        raise EmulationError(f"{path}: the output folder cannot be opened: {error.strerror}") from None
    try:
        _refuse_ours(path, _positions(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_ours(path: Path, ways: list[_Position]) -> None:
    """Check that a folder neither holds, nor is, nor lies in a folder that a guest must not write.

    Raises:
        EmulationError: it does; the message names ``path``.
    """
    for what, folder, is_within_too in _ours():
        others = _positions_of(folder)
        relation = None
        if _is_below(others, ways):
            relation = "holds"
        elif is_within_too and _is_below(ways, others):
            relation = "lies in"
        if relation is not None:
            raise EmulationError(f"{path} {relation} {what} ({folder}): name a folder of its own for the output")


def _ours() -> Iterator[tuple[str, Path, bool]]:
    """Yield folders that a guest must not write: name, path, and whether the folders below are forbidden too."""
    with contextlib.suppress(RuntimeError):  # the user has no home folder
        yield "all your files", Path.home(), False
    # run folders are there, also those of another TMPDIR, and this machine trusts and removes files in them
    for place in (SHARED_MEMORY, Path(tempfile.gettempdir()), *_TEMPORARY):
        yield "temporary files", place, False
        for run in place.glob(f"{PREFIX}[0-9]*"):
            yield "the folder of a run", run, True
    yield "the folder of runs", runs_folder(), True
    # this machine trusts or runs the files in the following folders
    with contextlib.suppress(EmulationError):  # the user has no home folder
        yield "the folder of guest kernels and images", cache_folder(), True
    with contextlib.suppress(EmulationError):
        yield "the folder of the shell's history", state_folder(), True
    for name in ("emulator", "gtsdsl"):
        yield "gtsdsl itself", _PACKAGES / name, True
    python = "the Python that runs gtsdsl"
    yield python, Path(sys.executable).resolve().parent, True
    for kind in ("stdlib", "purelib", "platlib", "scripts"):
        yield python, Path(sysconfig.get_path(kind)), True
    if site.ENABLE_USER_SITE:
        yield python, Path(site.getusersitepackages()), True
    # a search path covers the files of its folders, but not the folders below
    for what, places in (
        ("modules of the Python that runs gtsdsl", absolute_folders(os.pathsep.join(sys.path))),
        ("programs that are run by their names", search_folders(os.environ)),
    ):
        yield from ((what, Path(folder), False) for folder in filter(os.path.isdir, places))


def _is_below(ways: list[_Position], others: list[_Position]) -> bool:
    """Return whether a folder is another one or lies below it, also across mounts."""
    there = others[0]
    return any(it.device == there.device and it.path.is_relative_to(there.path) for it in ways)


def _positions_of(path: Path) -> list[_Position]:
    """Return the positions of a folder, which may not exist yet.

    Raises:
        OSError: a part of the path is no folder.
    """
    there, descriptor = _open_nearest(path)
    try:
        first, *others = _positions(descriptor)
    finally:
        os.close(descriptor)
    return [_Position(first.device, first.path / path.relative_to(there)), *others]


def _open_nearest(path: Path) -> tuple[Path, int]:
    """Open a folder or, if it is missing, the nearest one above it; another run may remove its folder at any time."""
    for there in (path, *path.parents):
        with contextlib.suppress(FileNotFoundError):
            return there, os.open(there, _FOLDER)
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def _positions(descriptor: int) -> list[_Position]:
    """Return the position of an opened folder, then the position at which its file system is mounted, up to the root.

    Raises:
        OSError: /proc is missing.
    """
    mounts = _mounts()
    path = PurePosixPath(Path(f"/proc/self/fd/{descriptor}").readlink())
    lines = Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines()
    number = next(line.split()[1] for line in lines if line.startswith("mnt_id:"))
    found = []
    while (mount := mounts.pop(number, None)) is not None and path.is_relative_to(mount.point):
        found.append(_Position(mount.device, mount.root / path.relative_to(mount.point)))
        path, number = mount.point, mount.parent
    if not found or path != PurePosixPath("/"):
        # in a chroot, the list of mounts lacks the file system of the chroot's root
        status = os.stat(path.parent) if found else os.fstat(descriptor)  # noqa: PTH116 - alike for a path and a descriptor
        found.append(_Position(f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}", path))
    return found


def _mounts() -> dict[str, _Mount]:
    """Return the mounts of this process by their ids (proc_pid_mountinfo(5))."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        number, parent, device, root, point = map(_unescaped, line.split(" ")[:5])
        found[number] = _Mount(parent, device, PurePosixPath(root), PurePosixPath(point))
    return found


def _unescaped(text: str) -> str:
    """Return a field of mountinfo with its escapes (``\\\\040`` for a blank) replaced by the characters."""
    for character in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(character):03o}", character)
    return text
