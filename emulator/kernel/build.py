"""Turn a Linux source into a guest kernel that is known to boot and to keep time, in the user's cache folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from emulator.errors import EmulationError
from emulator.kernel import cache
from emulator.kernel.cache import Kernel, Symbols
from emulator.kernel.check import check_clock
from emulator.kernel.source import Source, find, from_tarball
from emulator.programs import environment, find_program
from emulator.wording import one_line

Progress = Callable[[str, float], None]
"""Told what is being done, and which part of the whole build is done, from 0 to 1."""

_STEPS = 2000
"""Lines that a build of 7.3 prints, most of them an object each; only the progress bar depends on it."""

_TOOLS = {
    "gcc": "gcc",
    "make": "make",
    "flex": "flex",
    "bison": "bison",
    "bc": "bc",
    "xz": "xz-utils",
    "tar": "tar",
    "nm": "binutils",
    "patch": "patch",
    "ip": "iproute2",
    "tc": "iproute2",
    "ping": "iputils-ping",
}
"""What a build runs, and Debian's packages of it: the last three measure, in the guest, whether it keeps time."""

_NEEDED = {
    "UML_TIME_TRAVEL_SUPPORT",
    *("HOSTFS", "OVERLAY_FS", "NAMESPACES", "NET_NS"),
    *("VETH", "VXLAN", "BRIDGE", "TUN", "NET_SCH_NETEM", "NF_TABLES"),
}
"""Without one of these there is no emulation; without another line of the configuration, something less."""

_UNUSED = ("gpu", "media", "staging", "infiniband", "scsi", "usb", "iio", "clk", "pinctrl", "video", "mfd")
"""Drivers that no line of ours can switch on: of their folders only what make reads, the Kconfig files, is unpacked."""

_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None)  # here, for in a fork nothing may be loaded: another thread may have held a lock


def build(tarball: Path | None, progress: Progress, warn: Callable[[str], None]) -> Kernel:
    """Fetch (unless ``tarball`` is given), configure, build, check and keep a guest kernel.

    A kernel of the same source and configuration that is kept already is returned as it is, and nothing is downloaded.
    Either is what emulations use from now on. A build takes ten to fifteen minutes on two slow cores, 2 GB of disk, and
    the network for a download of 170 MB.

    Raises:
        EmulationError: a tool is missing, the source cannot be had or built, or the kernel does not keep time.
    """
    _require_tools()
    with cache.building("source" if tarball is None else "tarball") as folder:
        progress("fetching the source", 0)
        found = from_tarball(tarball) if tarball else find(folder, lambda what: progress(what, 0))
        name = cache.key(found.version)
        kept = next((kernel for kernel in cache.built_kernels() if kernel.executable.parent.name == name), None)
        if kept is not None:
            cache.prefer(kept)
            return kept
        source = found if isinstance(found, Source) else found.fetch(lambda what: progress(what, 0))
        progress("unpacking", 0.03)
        tree = _unpack(source, folder)
        patched = _patch(tree)
        if not patched:
            warn("this source takes no seed for its random numbers: runs in the virtual clock differ a little")
        progress("configuring", 0.07)
        dropped = _configure(tree, folder)
        if dropped:
            warn(f"{source.version} does not know {', '.join(dropped)}: built without")
        _compile(tree, folder, progress)
        progress("checking that it boots and keeps time", 0.98)
        result = folder / "result"
        result.mkdir()
        kernel = _result(source, tree, result, seeded=patched)
        cache.keep(kernel, result)
        check_clock(kernel)
        final = cache.kernels_folder() / name
        shutil.rmtree(final, ignore_errors=True)  # damaged, or it would have been found above
        result.rename(final)
    progress("done", 1)
    return next(kernel for kernel in cache.built_kernels() if kernel.executable.parent == final)


def _require_tools() -> None:
    if os.uname().machine != "x86_64":
        raise EmulationError(f"a guest kernel runs on x86-64 only, not on {os.uname().machine}: take --kernel host")
    if missing := missing_tools():
        raise EmulationError(f"to build a kernel {', '.join(missing)} is missing: {installing(missing)}")


def missing_tools() -> dict[str, str]:
    """What a build needs and this machine has not, each with Debian's package of it."""
    missing = {tool: package for tool, package in _TOOLS.items() if find_program(tool) is None}
    if not Path("/usr/include/stdio.h").exists():
        missing["the C library's headers"] = "libc6-dev"
    return missing


def installing(missing: Mapping[str, str]) -> str:
    """The command that installs what is missing."""
    return f"apt-get install {' '.join(sorted(set(missing.values())))}"


def _unpack(source: Source, folder: Path) -> Path:
    tree = folder / "linux"
    tree.mkdir()
    skipped = [f"--exclude=*/{place}/*.[chS]" for place in ("sound", *(f"drivers/{name}" for name in _UNUSED))]
    skipped += ["--exclude=*/Documentation/*.rst", "--exclude=*/Documentation/*.yaml"]
    _run(
        ["tar", "--extract", "--file", str(source.tarball.absolute()), "--strip-components=1", *skipped],
        tree,
        f"{source.tarball.name} cannot be unpacked",
    )
    if not (tree / "arch/um/Kconfig").is_file():
        raise EmulationError(f"{source.tarball.name} is no source of Linux: there is no arch/um in it")
    return tree


def _patch(tree: Path) -> bool:
    """Whether our patches went in; a source that is too old or too new for them is built without."""
    for patch in cache.PATCHES:
        command = ["patch", "--strip=1", "--forward", "--batch", "--reject-file=-", f"--input={patch}"]
        for arguments in (["--dry-run"], []):
            line, own = [*command, *arguments], _environment()
            if subprocess.run(line, cwd=tree, env=own, capture_output=True, check=False).returncode != 0:
                return False
    return True


def _configure(tree: Path, folder: Path) -> tuple[str, ...]:
    """Configure the tree; the lines of our configuration that it does not know."""
    failed = "the kernel cannot be configured"
    _run(["make", "ARCH=um", "tinyconfig"], tree, failed, log=folder / "log")
    wanted = cache.CONFIGURATION.read_text()
    with (tree / ".config").open("a") as file:
        file.write(wanted)  # of two lines for one symbol, the later holds
    _run(["make", "ARCH=um", "olddefconfig"], tree, failed, log=folder / "log")
    lines = set((tree / ".config").read_text().splitlines())
    missing = [
        line.partition("=")[0].removeprefix("CONFIG_")
        for line in wanted.splitlines()
        if line.startswith("CONFIG_") and line.endswith("=y") and line not in lines
    ]
    if needed := sorted(_NEEDED.intersection(missing)):
        raise EmulationError(f"this source cannot be a guest kernel: it has no {', '.join(needed)}")
    return tuple(missing)


def _compile(tree: Path, folder: Path, progress: Progress) -> None:
    # what a kernel says of who built it, when and where is fixed, so that one source gives one kernel
    named = ["KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_USER=gtsdsl", "KBUILD_BUILD_HOST=gtsdsl"]
    jobs = len(os.sched_getaffinity(0))
    command = ["nice", "-n", "5", "make", "ARCH=um", f"-j{jobs}", "linux", *named]
    log = folder / "log"
    with _running(command, tree, log) as process:
        if process.stdout is None:
            raise RuntimeError("started with a pipe")
        for count, _ in enumerate(process.stdout):
            progress("compiling", 0.08 + 0.9 * min(count / _STEPS, 1))
    if process.returncode != 0:
        raise EmulationError(f"the kernel cannot be compiled: {_error_in(log)}")


def _result(source: Source, tree: Path, result: Path, *, seeded: bool) -> Kernel:
    executable = result / "linux"
    symbols = _symbols(tree / "linux")
    # what debuggers read is not needed, and where the watchdog finds the clock is known by now
    _run(["strip", "--strip-all", "-o", str(executable), str(tree / "linux")], tree, "the kernel cannot be stripped")
    seccomp = b"seccomp=<on/auto/off>" in executable.read_bytes()
    return Kernel(executable, source.version, seccomp, virtual_clock=True, seeded=seeded, symbols=symbols, modules=None)


def _symbols(executable: Path) -> Symbols | None:
    """Where the watchdog reads; None if this version of Linux names things otherwise."""
    lines = _run(["nm", "--print-size", str(executable)], executable.parent, "the kernel's symbols cannot be read")
    found = {}
    for line in lines.splitlines():
        if match := re.fullmatch(r"([0-9a-f]+) ([0-9a-f]+) \w (time_travel_time|cpu_tasks|init_task)", line):
            found[match[3]] = (int(match[1], 16), int(match[2], 16))
    if len(found) < 3:
        return None
    return Symbols(found["time_travel_time"][0], found["cpu_tasks"][0], *found["init_task"])


def _run(command: list[str], folder: Path, failed: str, log: Path | None = None) -> str:
    with _running(command, folder, log) as process:
        output, errors = process.communicate()
    if process.returncode != 0:
        said = _error_in(log) if log else ((errors or "").strip().splitlines() or [f"{command[0]} says nothing"])[0]
        raise EmulationError(f"{failed}: {said}")
    return output


@contextlib.contextmanager
def _running(command: list[str], folder: Path, log: Path | None) -> Iterator[subprocess.Popen[str]]:
    """A program of the build, ended with all that it started however this process leaves."""
    with contextlib.ExitStack() as stack:
        errors = stack.enter_context(log.open("ab")) if log else subprocess.PIPE
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one system call, that waits for no thread of ours
        )
        try:
            yield process
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            process.wait()


def _end_with_parent() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _environment() -> dict[str, str]:
    """What make is to know: not the user's flags and options, which would make another kernel of it."""
    known = {"PATH", "HOME", "TMPDIR", "USER", "LOGNAME"}
    kept = {name: value for name, value in environment(os.environ).items() if name in known}
    return {**kept, "LC_ALL": "C"}


def _error_in(log: Path) -> str:
    """The first line of a log that names an error."""
    lines = log.read_text(errors="replace").splitlines()
    first = next((line for line in lines if re.search(r"error|Error|No space|cannot", line)), "make says nothing")
    return one_line(first)
