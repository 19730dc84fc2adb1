"""Know which guest kernels are at hand: those built before, kept in the user's cache folder, the one of the wheel
`gtsdsl-kernel`, and Debian's package.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import site
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.folders import cache_folder, make_folder, removing_all, require_own_cache, umask


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of ours to the source of Linux."""

    path: Path
    without: str
    """What a kernel is like whose source the patch does not fit, in words for a warning."""


CONFIGURATION = Path(__file__).with_name("gts-uml.config")
SEED_PATCH = Patch(
    Path(__file__).with_name("random-seed.patch"),
    "it takes no seed for its random numbers, and runs in the virtual clock differ a little",
)
PATCHES = (
    SEED_PATCH,
    Patch(Path(__file__).with_name("tick.patch"), "programs that wait with a limit are woken every 10 ms, not 1 ms"),
    Patch(Path(__file__).with_name("cpuset.patch"), "control group cpuset is missing, which Mininet's CPU limits need"),
    Patch(Path(__file__).with_name("optimisation.patch"), "the build takes longer"),
)
PACKAGED = Path("/usr/bin/linux.uml")
"""Where Debian's package `user-mode-linux` has its kernel."""
PACKAGED_FROM = "apt-get install user-mode-linux kmod"
"""What installs all that the packaged kernel needs."""

_PACKAGED_MODULES = Path("/usr/lib/uml/modules")
_MODPROBE = Path("/sbin/modprobe")
_WHEEL_FOLDER = "gtsdsl_kernel"
"""Where the wheel `gtsdsl-kernel` has its files, in a folder of installed packages."""
_UPGRADE = "pip install --upgrade gtsdsl-kernel, or gtsdsl kernel build"
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


@dataclass(frozen=True, slots=True)
class Origin:
    """What a kernel was built from, and with."""

    package: str
    """Debian's package of the source, such as ``linux-source-7.3``; empty if the user named a tarball."""
    version: str
    """The package's version, or what `Source` calls the tarball."""
    tarball_sha256: str
    compiler: str
    """The compiler and the linker, with their versions: other ones make other bytes."""
    c_library: str
    """The version of Debian's `libc6-dev`, a part of which is in the kernel; empty on another system."""
    configuration: str
    """`configuration_hash` when it was built."""


def kernels_folder() -> Path:
    """Where built kernels are kept."""
    return cache_folder() / "kernels"


def verdicts_folder() -> Path:
    """Where is kept which guest kernels run on this machine (`verdict`)."""
    return cache_folder() / "verdicts"


def configuration_hash() -> str:
    """Names how a kernel is built, whatever it is built from: a built kernel with another hash is out of date."""
    digest = hashlib.sha256()
    lines = CONFIGURATION.read_text().splitlines()
    digest.update("\n".join(sorted(line for line in lines if line.startswith("CONFIG_"))).encode())
    for patch in PATCHES:
        digest.update(patch.path.read_bytes())
    return digest.hexdigest()[:12]


def key(version: str) -> str:
    """The name of the folder that keeps the kernel built from a source."""
    return f"{version}-{configuration_hash()}"


def built_kernels() -> tuple[Kernel, ...]:
    """The kernels built with the present configuration: those in the cache, the one asked for last first, then the
    wheel's.

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
                found.append(((folder / _INFO).stat().st_mtime_ns, read(folder)))
    in_cache = tuple(kernel for _, kernel in sorted(found, key=lambda each: each[0], reverse=True))
    wheel = wheel_kernel()
    return (*in_cache, wheel.kernel) if wheel is not None and wheel.kernel is not None else in_cache


@dataclass(frozen=True, slots=True)
class WheelKernel:
    """The kernel of the installed wheel `gtsdsl-kernel`."""

    executable: Path
    kernel: Kernel | None
    """None if it is not to be used, and then…"""
    unusable: str
    """…why not and what mends it, in a line; empty otherwise."""


def wheel_kernel() -> WheelKernel | None:
    """The kernel of the installed wheel; None if none is installed.

    It is looked for in the folders of installed packages and beside this package, and not in ``sys.path``, because
    that can hold the working folder, in which anybody's files may be. No code of the wheel is run: it has none.
    """
    places = [*site.getsitepackages(), *([site.getusersitepackages()] if site.ENABLE_USER_SITE else [])]
    for place in (str(Path(__file__).resolve().parents[2]), *places):
        folder = Path(place, _WHEEL_FOLDER)
        if (folder / _INFO).is_file():
            unusable, kernel = "", None
            try:
                if read_origin(folder).configuration == configuration_hash():
                    kernel = read(folder)
                else:
                    unusable = f"it is made for another version of gtsdsl: {_UPGRADE}"
            except PermissionError:
                unusable = "its file system or its mode lets nobody run programs there: gtsdsl kernel build"
            except (OSError, ValueError, TypeError, KeyError):
                unusable = "it is damaged: pip install --force-reinstall gtsdsl-kernel, or gtsdsl kernel build"
            return WheelKernel(folder / _EXECUTABLE, kernel, unusable)
    return None


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


def keep(kernel: Kernel, origin: Origin, folder: Path) -> None:
    """Write what is known of a kernel beside it in ``folder``, which then is a kernel of the cache."""
    fields = {
        "schema": 1,
        "version": kernel.version,
        "seccomp": kernel.seccomp,
        "virtual_clock": kernel.virtual_clock,
        "seeded": kernel.seeded,
        "symbols": asdict(kernel.symbols) if kernel.symbols else None,
        "origin": asdict(origin),
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
    """Remove all built kernels, what builds that were killed have left, and the verdicts; each folder, once it is gone.

    Raises, after all that can be removed has been:
        EmulationError: the cache cannot be read, or something in it cannot be removed.
    """
    with removing_all() as removing:
        verdicts = verdicts_folder()
        for folder in (*_kept(), *([verdicts] if os.path.lexists(verdicts) else [])):
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
        if is_free and folder.is_symlink():  # to a kernel that the user keeps elsewhere, which stays
            folder.unlink()
        elif is_free:
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


def read(folder: Path) -> Kernel:
    """The kernel in a folder of the cache or of the wheel.

    Raises:
        PermissionError: it is not to be run there.
        OSError, ValueError, TypeError, KeyError: the folder was not written by `keep`, or is damaged.
    """
    executable = folder / _EXECUTABLE
    if platform.machine() != "x86_64":
        raise ValueError("not to be run here")
    if not stat.S_ISREG(executable.stat().st_mode):
        raise ValueError("no program")
    if not os.access(executable, os.X_OK):  # also where the file system is mounted noexec
        raise PermissionError(errno.EACCES, "not executable", str(executable))
    fields = json.loads((folder / _INFO).read_text())
    return Kernel(
        executable=executable,
        version=str(fields["version"]),
        seccomp=bool(fields["seccomp"]),
        virtual_clock=bool(fields["virtual_clock"]),
        seeded=bool(fields["seeded"]),
        symbols=Symbols(**fields["symbols"]) if fields["symbols"] else None,
        modules=None,
    )


def read_origin(folder: Path) -> Origin:
    """What the kernel in a folder was built from.

    Raises:
        OSError, ValueError, TypeError, KeyError: as `read`.
    """
    return Origin(**json.loads((folder / _INFO).read_text())["origin"])
