"""Know which guest kernels are at hand: those built before, kept in the user's cache folder, and Debian's package."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from emulator.errors import EmulationError
from emulator.folders import cache_folder, make_folder, removing_all, require_own_cache, umask

CONFIGURATION = Path(__file__).with_name("gts-uml.config")
PATCHES = (Path(__file__).with_name("random-seed.patch"),)
PACKAGED = Path("/usr/bin/linux.uml")
"""Where Debian's package `user-mode-linux` has its kernel."""
PACKAGED_FROM = "apt-get install user-mode-linux kmod"
"""What installs all that the packaged kernel needs."""

_PACKAGED_MODULES = Path("/usr/lib/uml/modules")
_MODPROBE = Path("/sbin/modprobe")
_INFO = "info.json"
_EXECUTABLE = "linux"
_BUILDING = "building-"


@dataclass(frozen=True, slots=True)
class Symbols:
    """Where the kernel keeps what a watchdog reads from outside: addresses in the guest kernel's process."""

    time_travel_time: int
    """The virtual clock, a 64-bit number of nanoseconds since boot."""
    cpu_tasks: int
    """A pointer to the task that runs now."""
    init_task: int
    """The first task, and…"""
    init_task_bytes: int
    """…its size: that it is named `swapper` shows where a task has its name."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A guest kernel that can be booted."""

    executable: Path
    version: str
    seccomp: bool
    """It can run its processes without ptrace, at twice the speed."""
    virtual_clock: bool
    seeded: bool
    """It takes the seed of its random numbers from the command line, so that runs repeat."""
    symbols: Symbols | None
    modules: Path | None
    """Its modules, if it has any."""


def kernels_folder() -> Path:
    """Where built kernels are kept."""
    return cache_folder() / "kernels"


def configuration_hash() -> str:
    """Names how a kernel is built, whatever it is built from: a built kernel with another hash is out of date."""
    digest = hashlib.sha256()
    lines = CONFIGURATION.read_text().splitlines()
    digest.update("\n".join(sorted(line for line in lines if line.startswith("CONFIG_"))).encode())
    for path in PATCHES:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def key(version: str) -> str:
    """The name of the folder that keeps the kernel built from a source."""
    return f"{version}-{configuration_hash()}"


def built_kernels() -> tuple[Kernel, ...]:
    """The kernels in the cache that were built with the present configuration, the one asked for last first.

    Emulations use the first: `gtsdsl kernel build` is how to choose among kernels.

    Raises:
        UntrustedError: somebody else could have put one there.
        EmulationError: the cache cannot be read.
    """
    found = []
    for folder in _kept():
        if folder.name.endswith(f"-{configuration_hash()}"):
            for name in (_INFO, _EXECUTABLE):
                require_own_cache(folder / name)
            with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
                found.append(((folder / _INFO).stat().st_mtime_ns, _read(folder / _INFO)))
    return tuple(kernel for _, kernel in sorted(found, key=lambda each: each[0], reverse=True))


def prefer(kernel: Kernel) -> None:
    """Have a kernel of the cache come first from now on.

    Raises:
        EmulationError: the cache cannot be written.
    """
    try:
        os.utime(kernel.executable.with_name(_INFO))
    except OSError as error:
        raise EmulationError(f"{kernel.executable.parent}: {error.strerror}") from None


def packaged_kernel() -> Kernel | None:
    """The kernel of Debian's `user-mode-linux`, if it is installed, and what it loads its modules with."""
    if not PACKAGED.is_file() or not _MODPROBE.exists():
        return None
    versions = sorted((path for path in _PACKAGED_MODULES.glob("*") if path.is_dir()), key=lambda path: path.name)
    modules = versions[-1] if versions else None
    version = modules.name if modules else "of unknown version"
    return Kernel(PACKAGED, version, seccomp=False, virtual_clock=False, seeded=False, symbols=None, modules=modules)


def keep(kernel: Kernel, folder: Path) -> None:
    """Write what is known of a kernel beside it in ``folder``, which then is a kernel of the cache."""
    fields = {
        "schema": 1,
        "version": kernel.version,
        "seccomp": kernel.seccomp,
        "virtual_clock": kernel.virtual_clock,
        "seeded": kernel.seeded,
        "symbols": asdict(kernel.symbols) if kernel.symbols else None,
    }
    (folder / _INFO).write_text(json.dumps(fields, indent=2) + "\n")


@contextlib.contextmanager
def building(name: str) -> Iterator[Path]:
    """A folder to build in that no other build is in; removed at the end. What a kill leaves of it, `clean` removes.

    Raises:
        EmulationError: the same is being built already, or the folder cannot be made.
    """
    folder = kernels_folder() / f"{_BUILDING}{name}"
    try:
        make_folder(folder)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EmulationError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder you may write") from None
    try:
        if not _locked(lock) or os.fstat(lock).st_nlink == 0:  # it has just ended, and removed the folder
            raise EmulationError("another gtsdsl builds this kernel right now: wait for it, then run this again")
        try:
            for path in folder.iterdir():  # what a build that was killed has left
                if path.name != "lock":
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            with umask(0o022):  # the user's may close what is built to the user, or open it to all
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(lock)


def clean() -> Iterator[Path]:
    """Remove all built kernels, and what builds that were killed have left; each folder, once it is gone.

    Raises, after all that can be removed has been:
        EmulationError: the cache cannot be read, or something in it cannot be removed.
    """
    with removing_all() as removing:
        for folder in _kept():
            with removing(folder):
                if _remove(folder):
                    yield folder


def _remove(folder: Path) -> bool:
    """Remove a folder of the cache, but for one in which a build runs; whether it is gone."""
    lock = None
    if folder.name.startswith(_BUILDING):
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        is_free = lock is None or _locked(lock)
        if is_free:
            shutil.rmtree(folder)
        return is_free
    finally:
        if lock is not None:
            os.close(lock)


def _kept() -> list[Path]:
    folder = kernels_folder()
    try:
        return sorted(it for it in folder.iterdir() if it.is_dir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EmulationError(f"{folder}: {error.strerror}; set XDG_CACHE_HOME to a folder you may write") from None


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(info: Path) -> Kernel:
    """A kernel of the cache.

    Raises:
        OSError, ValueError, TypeError, KeyError: the folder was not written by `keep`, or is damaged.
    """
    executable = info.with_name(_EXECUTABLE)
    if not executable.stat().st_mode & stat.S_IXUSR or platform.machine() != "x86_64":
        raise ValueError("not to be run here")
    fields = json.loads(info.read_text())
    return Kernel(
        executable=executable,
        version=str(fields["version"]),
        seccomp=bool(fields["seccomp"]),
        virtual_clock=bool(fields["virtual_clock"]),
        seeded=bool(fields["seeded"]),
        symbols=Symbols(**fields["symbols"]) if fields["symbols"] else None,
        modules=None,
    )
