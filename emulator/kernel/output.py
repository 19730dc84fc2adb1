"""Whether a folder may be a guest's output folder: it may not hold, be or lie in what the host believes or runs.

Names do not tell where a folder is: links and bind mounts give it others. So folders are compared by where they are in
their file systems, and a folder is given to a guest as a descriptor that was looked at after it had been opened.
"""

from __future__ import annotations

import contextlib
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
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - nothing is written there
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC


class _Position(NamedTuple):
    """Where a folder is: a file system (``8:1``) and a path in it, whatever it is mounted on."""

    device: str
    path: PurePosixPath


class _Mount(NamedTuple):
    parent: str
    device: str
    root: PurePosixPath
    """The folder of the file system that is mounted."""
    point: PurePosixPath


def check_output(path: Path) -> Path:
    """The output folder, made if it is missing, as an absolute path without links.

    Raises:
        EmulationError: it cannot be made, is no folder, or is one that must not be handed to a guest.
    """
    try:
        # resolved: a name may lead back (`..`) from a folder that is yet to be made
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
    """A descriptor of a folder that may be handed to a guest, whatever has become of its path since it was checked.

    Raises:
        EmulationError: it is none.
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
    """See that a folder neither holds nor is nor lies in what a guest must not write.

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
    """Folders that a guest must not write: what they are, where, and whether all folders in them are so too."""
    with contextlib.suppress(RuntimeError):  # the user has no home folder
        yield "all your files", Path.home(), False
    # runs have folders there, with another TMPDIR too, which the host believes or removes
    for place in (SHARED_MEMORY, Path(tempfile.gettempdir()), *_TEMPORARY):
        yield "temporary files", place, False
        for run in place.glob(f"{PREFIX}[0-9]*"):
            yield "the folder of a run", run, True
    yield "the folder of runs", runs_folder(), True
    # in these, the host believes or runs what it finds
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
    # search paths lead to the files in their folders, and not into further folders
    for what, places in (
        ("modules of the Python that runs gtsdsl", absolute_folders(os.pathsep.join(sys.path))),
        ("programs that are run by their names", search_folders(os.environ)),
    ):
        yield from ((what, Path(folder), False) for folder in filter(os.path.isdir, places))


def _is_below(ways: list[_Position], others: list[_Position]) -> bool:
    """Whether a folder is another one or lies in it, whatever is mounted on the way."""
    there = others[0]
    return any(it.device == there.device and it.path.is_relative_to(there.path) for it in ways)


def _positions_of(path: Path) -> list[_Position]:
    """Where a folder is, or will be once it is made.

    Raises:
        OSError: something on the way to it is no folder.
    """
    there = next(it for it in (path, *path.parents) if it.exists())
    descriptor = os.open(there, _FOLDER)
    try:
        first, *others = _positions(descriptor)
    finally:
        os.close(descriptor)
    return [_Position(first.device, first.path / path.relative_to(there)), *others]


def _positions(descriptor: int) -> list[_Position]:
    """Where a folder is; then where its file system is mounted, and so on up to the root.

    Raises:
        OSError: /proc is not there.
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
        # in a chroot, the file system that its root lies in is not among those that are mounted
        status = os.stat(path.parent) if found else os.fstat(descriptor)  # noqa: PTH116 - both have a status alike
        found.append(_Position(f"{os.major(status.st_dev)}:{os.minor(status.st_dev)}", path))
    return found


def _mounts() -> dict[str, _Mount]:
    """What is mounted, by its number (proc_pid_mountinfo(5))."""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text(errors="surrogateescape").splitlines():
        number, parent, device, root, point = map(_unescaped, line.split(" ")[:5])
        found[number] = _Mount(parent, device, PurePosixPath(root), PurePosixPath(point))
    return found


def _unescaped(text: str) -> str:
    """A field in which a blank is ``\\040``, and likewise a tab, a line's end and a backslash."""
    for character in (" ", "\t", "\n", "\\"):
        text = text.replace(f"\\{ord(character):03o}", character)
    return text
