"""Guest kernels at hand: built ones in the user's cache folder, the wheel's (`gtsdsl-kernel`) and Debian's package."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import platform
import site
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from emulator.system import builds
from emulator.system.errors import EmulationError
from emulator.system.folders import cache_folder, require_own_cache


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch that this project applies to the source of Linux."""

    path: Path
    without: str
    """The words of a warning about a kernel without the patch."""


CONFIGURATION = Path(__file__).with_name("gts-uml.config")
SEED_PATCH = Patch(
    Path(__file__).with_name("random-seed.patch"),
    "it takes no seed for its random numbers, and runs in the virtual clock differ a little",
)
PATCHES = (
    SEED_PATCH,
    Patch(Path(__file__).with_name("tick.patch"), "programs that wait with a limit are woken every 10 ms, not 1 ms"),
    Patch(Path(__file__).with_name("cpuset.patch"), "control group cpuset is missing, which Mininet's CPU limits need"),
    Patch(Path(__file__).with_name("yield.patch"), "the virtual clock crawls while a program waits by yielding"),
    Patch(Path(__file__).with_name("optimisation.patch"), "the build takes longer"),
)
PACKAGED = Path("/usr/bin/linux.uml")
"""The kernel of Debian's package `user-mode-linux`."""
PACKAGED_FROM = "apt-get install user-mode-linux kmod"
"""The command that installs the packaged kernel and what it needs."""

_PACKAGED_MODULES = Path("/usr/lib/uml/modules")
_MODPROBE = Path("/sbin/modprobe")
_WHEEL_FOLDER = "gtsdsl_kernel"
"""The folder of the wheel `gtsdsl-kernel`, in a folder of installed packages."""
_UPGRADE = "pip install --upgrade gtsdsl-kernel, or gtsdsl kernel build"
_INFO = "info.json"
_EXECUTABLE = "linux"


@dataclass(frozen=True, slots=True)
class Symbols:
    """Addresses in the guest kernel's process that the clock watchdog reads from outside."""

    time_travel_time: int
    """Address of the virtual clock, a 64-bit number of nanoseconds since boot."""
    cpu_tasks: int
    """Address of a pointer to the task that runs now."""
    init_task: int
    """Address of the first task, whose name is `swapper`."""
    init_task_bytes: int
    """Size of a task; the place of `swapper` in the first one is the place of the name in all."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A guest kernel that can be booted."""

    executable: Path
    version: str
    seccomp: bool
    """True if it can run its processes without ptrace, at twice the speed."""
    virtual_clock: bool
    seeded: bool
    """True if it takes the seed of its random numbers from the command line, so that runs repeat."""
    symbols: Symbols | None
    modules: Path | None
    """The folder of its modules; None if it has none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The source and the tools that a kernel was built from."""

    package: str
    """Debian's package of the source, such as ``linux-source-7.3``; empty if the user named a tarball."""
    version: str
    """The package's version, or `Source.version` of a tarball."""
    tarball_sha256: str
    compiler: str
    """The compiler and the linker with their versions, because other ones make other bytes."""
    c_library: str
    """The version of Debian's `libc6-dev`, which the kernel is linked with; empty on another system."""
    configuration: str
    """`configuration_hash` of the build."""


def kernels_folder() -> Path:
    """Return the folder of built kernels."""
    return cache_folder() / "kernels"


def verdicts_folder() -> Path:
    """Return the folder that records which guest kernels run on this machine (`verdict`)."""
    return cache_folder() / "verdicts"


def configuration_hash() -> str:
    """Return a hash of the configuration and the patches; a built kernel with another hash is out of date."""
    digest = hashlib.sha256()
    lines = CONFIGURATION.read_text().splitlines()
    digest.update("\n".join(sorted(line for line in lines if line.startswith("CONFIG_"))).encode())
    for patch in PATCHES:
        digest.update(patch.path.read_bytes())
    return digest.hexdigest()[:12]


def key(version: str) -> str:
    """Return the name of the folder for the kernel that is built from a version of the source."""
    return f"{version}-{configuration_hash()}"


def built_kernels() -> tuple[Kernel, ...]:
    """Return the kernels of the present configuration: those in the cache, then the wheel's.

    The kernel that `gtsdsl kernel build` built or chose last comes first, and emulations use the first one.

    Raises:
        UntrustedError: another user could have written a kernel of the cache.
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
    """The kernel; None if it cannot be used."""
    unusable: str
    """One line that says why the kernel cannot be used, and what to do; empty if it can."""


def wheel_kernel() -> WheelKernel | None:
    """Return the kernel of the installed wheel; None if no wheel is installed.

    The search covers the folders of installed packages and the folder of this package. It leaves out ``sys.path``,
    because that can hold the working folder, which may be a stranger's. The wheel has no code.
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
    """Make a kernel of the cache the first of `built_kernels` from now on.

    Raises:
        EmulationError: the cache cannot be written.
    """
    try:
        os.utime(kernel.executable.with_name(_INFO))
    except OSError as error:
        raise EmulationError(f"{kernel.executable.parent}: {error.strerror}") from None


def packaged_kernel() -> Kernel | None:
    """Return the kernel of Debian's `user-mode-linux`; None unless the kernel and `modprobe` are installed."""
    if not PACKAGED.is_file() or not _MODPROBE.exists():
        return None
    versions = sorted((path for path in _PACKAGED_MODULES.glob("*") if path.is_dir()), key=lambda path: path.name)
    modules = versions[-1] if versions else None
    version = modules.name if modules else "of unknown version"
    return Kernel(PACKAGED, version, seccomp=False, virtual_clock=False, seeded=False, symbols=None, modules=modules)


def keep(kernel: Kernel, origin: Origin, folder: Path) -> None:
    """Write the facts about a kernel into its ``folder``, which makes it a folder of the cache."""
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


def building(name: str) -> contextlib.AbstractContextManager[Path]:
    """Return a context with a folder to build a kernel in; see `emulator.system.builds.building`."""
    return builds.building(kernels_folder(), name, "kernel")


def clean() -> Iterator[Path]:
    """Remove built kernels, folders of killed builds, and the verdicts; yield each folder that was removed.

    Raises, after the rest has been removed:
        EmulationError: the cache cannot be read, or a part of it cannot be removed.
    """
    verdicts = verdicts_folder()
    yield from builds.clean([*_kept(), *([verdicts] if os.path.lexists(verdicts) else [])])


def _kept() -> list[Path]:
    return builds.kept_folders(kernels_folder())


def read(folder: Path) -> Kernel:
    """Return the kernel in a folder of the cache or of the wheel.

    Raises:
        PermissionError: the kernel may not be executed there.
        OSError, ValueError, TypeError, KeyError: the folder was not written by `keep`, or is damaged.
    """
    executable = folder / _EXECUTABLE
    if platform.machine() != "x86_64":
        raise ValueError("a guest kernel runs on x86-64 only")
    if not stat.S_ISREG(executable.stat().st_mode):
        raise ValueError("no program")
    if not os.access(executable, os.X_OK):  # false on a file system that is mounted noexec, too
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
    """Return the origin of the kernel in a folder.

    Raises:
        OSError, ValueError, TypeError, KeyError: as `read`.
    """
    return Origin(**json.loads((folder / _INFO).read_text())["origin"])
