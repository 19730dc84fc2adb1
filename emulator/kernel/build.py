"""Build of a guest kernel from a Linux source; the kernel is kept in the user's cache folder once it keeps time."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from emulator.kernel import cache
from emulator.kernel.cache import Kernel, Origin, Symbols
from emulator.kernel.check import check_clock
from emulator.kernel.source import Source, find, from_tarball, sha256
from emulator.kernel.wheel import LICENSES, differences, read_wheel
from emulator.system import builds
from emulator.system.builds import Progress, bare_environment, error_in, plain_folder, run_step, running
from emulator.system.errors import EmulationError
from emulator.system.programs import environment, find_program, installing

_STEPS = 1600
"""Lines that a build of Linux 7.3 prints, about one for each object; only the progress bar uses it."""

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
"""Programs that a build runs, and their Debian packages; the last three measure in the guest whether it keeps time."""

_NEEDED = {
    "UML_TIME_TRAVEL_SUPPORT",
    *("HOSTFS", "OVERLAY_FS", "NAMESPACES", "NET_NS"),
    *("VETH", "VXLAN", "BRIDGE", "TUN", "NET_SCH_NETEM", "NF_TABLES"),
}
"""Options that an emulation needs; without another option of the configuration, a build warns."""

_UNUSED = (
    *("sound", "arch/[!ux]*", "drivers/net/ethernet", "drivers/net/wireless"),
    *(f"drivers/{name}" for name in ("gpu", "media", "staging", "infiniband", "scsi", "usb", "iio", "clk", "pinctrl")),
    *(f"drivers/{name}" for name in ("video", "mfd", "hwmon", "power", "soc", "platform", "comedi", "accel", "crypto")),
)
"""Folders that the configuration never switches on; only their Kconfig files, which make reads, are unpacked."""


def build(tarball: Path | None, progress: Progress, warn: Callable[[str], None]) -> Kernel:
    """Fetch the source (unless ``tarball`` is given), configure, build, check and keep a guest kernel; return it.

    A kernel of the same source and configuration that exists already is returned, and nothing is downloaded.
    Emulations use the returned kernel from now on. A build takes some eight minutes of processor time, 1 GB of disk,
    and a download of 170 MB.

    Raises:
        EmulationError: a tool is missing, the source cannot be fetched or built, or the kernel does not keep time.
    """
    _require_tools()
    configuration = cache.configuration_hash()
    with cache.building("source" if tarball is None else "tarball") as folder:
        progress("fetching the source", 0)
        found = from_tarball(tarball) if tarball else find(folder, lambda what: progress(what, 0))
        name = cache.key(found.version)
        kept = next((kernel for kernel in cache.built_kernels() if kernel.executable.parent.name == name), None)
        if kept is not None:
            cache.prefer(kept)
            return kept
        source = found if isinstance(found, Source) else found.fetch(lambda what: progress(what, 0))
        result = _make(source, folder, configuration, progress, warn)
        final = cache.kernels_folder() / name
        shutil.rmtree(final, ignore_errors=True)  # a kernel there is damaged, else it would have been found above
        result.rename(final)
    progress("done", 1)
    return cache.read(final)


def compare_with_wheel(
    wheel: Path, tarball: Path | None, progress: Progress, warn: Callable[[str], None]
) -> tuple[str, ...]:
    """Build the kernel of a wheel again from the same source, and return the names of the files that differ.

    The new kernel and wheel are removed afterwards.

    Raises:
        EmulationError: as `build`; or the file is no wheel of a kernel, or its source is no longer available.
    """
    _require_tools()
    with cache.building("comparison") as folder:
        given = read_wheel(wheel)
        progress("fetching the source", 0)
        if tarball is not None:
            source = Source(tarball, given.origin.version, given.origin.package)
        else:
            found = find(folder, lambda what: progress(what, 0))
            if found.version != given.origin.version:
                raise EmulationError(
                    f"{wheel.name} is made of {given.origin.package} {given.origin.version}, and apt has "
                    f"{found.version}: name its tarball with --source TARBALL"
                )
            source = found.fetch(lambda what: progress(what, 0))
        if sha256(source.tarball) != given.origin.tarball_sha256:
            raise EmulationError(
                f"{source.tarball} is not the source that {wheel.name} is made of: that has the SHA-256 "
                f"{given.origin.tarball_sha256}"
            )
        result = _make(source, folder, cache.configuration_hash(), progress, warn)
        theirs, ours = (
            f"{origin.compiler}, libc6-dev {origin.c_library}" for origin in (given.origin, cache.read_origin(result))
        )
        if theirs != ours:
            warn(f"{wheel.name} was made with {theirs}, and this machine has {ours}: the bytes differ by that alone")
        return differences(given, result)


def _make(source: Source, folder: Path, configuration: str, progress: Progress, warn: Callable[[str], None]) -> Path:
    """Build and check a kernel; return the folder in ``folder`` that holds it in the form of the cache.

    Raises:
        EmulationError: as `build`; or ``configuration`` is not the hash of the files that the kernel is built from,
            because somebody edits them.
    """
    result = folder / "result"
    result.mkdir()
    progress("unpacking", 0.03)
    with plain_folder(folder, "Linux") as work:
        tree = _unpack(source, work)
        unfit = _patch(tree)
        for patch in unfit:
            warn(f"{patch.path.name} does not fit this source: {patch.without}")
        progress("configuring", 0.07)
        dropped = _configure(tree, work)
        if cache.configuration_hash() != configuration:
            raise EmulationError(f"{cache.CONFIGURATION.parent} changed during the build of the kernel: repeat it")
        if dropped:
            warn(f"{source.version} does not know {', '.join(dropped)}: built without")
        _compile(tree, work, progress)
        progress("checking that it boots and keeps time", 0.98)
        kernel = _take_from(tree, source, result, configuration, seeded=cache.SEED_PATCH not in unfit)
    check_clock(kernel)
    return result


def _require_tools() -> None:
    if os.uname().machine != "x86_64":
        raise EmulationError(f"a guest kernel runs on x86-64 only, not on {os.uname().machine}: take --kernel native")
    if missing := missing_tools():
        raise EmulationError(f"to build a kernel {', '.join(missing)} is missing: {installing(missing)}")


def missing_tools() -> dict[str, str]:
    """Return the tools that a build needs and that are missing here, each with its Debian package."""
    missing = builds.missing_tools(_TOOLS)
    if not {"gcc", builds.HEADERS} & missing.keys() and not Path(_archive_of_the_c_library()).is_absolute():
        missing["the C library as an archive (libc.a)"] = "libc6-dev"
    return missing


def _archive_of_the_c_library() -> str:
    """Return the path at which gcc finds `libc.a`, for linking the kernel; only its name if it is missing."""
    asked, own = ["gcc", "-print-file-name=libc.a"], environment(os.environ)
    return subprocess.run(asked, env=own, capture_output=True, text=True, check=False).stdout.strip()


def _unpack(source: Source, folder: Path) -> Path:
    tree = folder / "linux"
    tree.mkdir()
    skipped = [f"--exclude=*/{place}/*.[chS]" for place in _UNUSED]
    skipped += ["--exclude=*.dts", "--exclude=*.dtsi", "--exclude=*/Documentation/*.rst"]
    skipped += ["--exclude=*/Documentation/*.yaml", "--exclude=*/tools/testing/*"]
    run_step(
        ["tar", "--extract", "--file", str(source.tarball.absolute()), "--strip-components=1", *skipped],
        tree,
        f"{source.tarball.name} cannot be unpacked",
    )
    if not (tree / "arch/um/Kconfig").is_file():
        raise EmulationError(f"{source.tarball.name} is no source of Linux: there is no arch/um in it")
    return tree


def _patch(tree: Path) -> tuple[cache.Patch, ...]:
    """Apply the patches; return those that do not fit the source because it is too old or too new."""
    unfit = []
    for patch in cache.PATCHES:
        command = ["patch", "--strip=1", "--forward", "--batch", "--reject-file=-", f"--input={patch.path}"]
        for arguments in (["--dry-run"], []):
            line, own = [*command, *arguments], bare_environment(tree)
            if subprocess.run(line, cwd=tree, env=own, capture_output=True, check=False).returncode != 0:
                unfit.append(patch)
                break
    return tuple(unfit)


def _configure(tree: Path, folder: Path) -> tuple[str, ...]:
    """Configure the tree; return the options of the configuration that the source does not know."""
    failed = "the kernel cannot be configured"
    run_step(["make", "ARCH=um", "tinyconfig"], tree, failed, log=folder / "log")
    wanted = cache.CONFIGURATION.read_text()
    with (tree / ".config").open("a") as file:
        file.write(wanted)  # of two lines for one option, make takes the later
    run_step(["make", "ARCH=um", "olddefconfig"], tree, failed, log=folder / "log")
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
    # the kernel's text about who built it, when and where is fixed, so that one source gives the same bytes
    named = ["KBUILD_BUILD_TIMESTAMP=1970-01-01", "KBUILD_BUILD_USER=gtsdsl", "KBUILD_BUILD_HOST=gtsdsl"]
    jobs = len(os.sched_getaffinity(0))
    command = ["nice", "-n", "5", "make", "ARCH=um", f"-j{jobs}", "linux", *named]
    log = folder / "log"
    with running(command, tree, bare_environment(tree), log) as process:
        if process.stdout is None:
            raise RuntimeError("started with a pipe")
        for count, _ in enumerate(process.stdout):
            progress("compiling", 0.08 + 0.9 * min(count / _STEPS, 1))
    if process.returncode != 0:
        raise EmulationError(f"the kernel cannot be compiled: {error_in(log)}")


def _take_from(tree: Path, source: Source, result: Path, configuration: str, *, seeded: bool) -> Kernel:
    """Copy the kernel that was built in ``tree`` to ``result``, with the other files that a wheel needs."""
    executable = result / "linux"
    symbols = _symbols(tree / "linux")
    # symbols for debuggers are not needed, because the addresses for the watchdog are known by now
    run_step(
        ["strip", "--strip-all", "-o", str(executable), str(tree / "linux")], tree, "the kernel cannot be stripped"
    )
    seccomp = b"seccomp=<on/auto/off>" in executable.read_bytes()
    kernel = Kernel(
        executable, source.version, seccomp, virtual_clock=True, seeded=seeded, symbols=symbols, modules=None
    )
    cache.keep(kernel, _origin(tree, source, configuration), result)
    shutil.copy(tree / ".config", result / "config")
    for path in LICENSES:
        if (tree / path).is_file():  # an old source has the licence elsewhere
            shutil.copy(tree / path, result)
    return kernel


def _origin(tree: Path, source: Source, configuration: str) -> Origin:
    compiler = re.search(r'LINUX_COMPILER\s+"(.*)"', (tree / "include/generated/compile.h").read_text())
    library = ""
    if find_program("dpkg-query"):
        asked = ["dpkg-query", "--show", "--showformat=${Version}", "libc6-dev"]
        own = environment(os.environ)
        library = subprocess.run(asked, env=own, capture_output=True, text=True, check=False).stdout
    return Origin(
        package=source.package,
        version=source.version,
        tarball_sha256=sha256(source.tarball),
        compiler=compiler[1] if compiler else "",
        c_library=library,
        configuration=configuration,
    )


def _symbols(executable: Path) -> Symbols | None:
    """Return the addresses that the watchdog reads; None if this version of Linux has other names."""
    lines = run_step(["nm", "--print-size", str(executable)], executable.parent, "the kernel's symbols cannot be read")
    found = {}
    for line in lines.splitlines():
        if match := re.fullmatch(r"([0-9a-f]+) ([0-9a-f]+) \w (time_travel_time|cpu_tasks|init_task)", line):
            found[match[3]] = (int(match[1], 16), int(match[2], 16))
    if len(found) < 3:
        return None
    return Symbols(found["time_travel_time"][0], found["cpu_tasks"][0], *found["init_task"])
