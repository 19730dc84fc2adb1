"""Wheel of a built guest kernel, which pip installs without a compiler; make one, and compare one with a kernel.

A wheel is a zip archive with a list of its files. The same kernel gives the same bytes, because the entries are sorted
and their time stamps are fixed. The wheel has no code: `cache.wheel_kernel` finds its files.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import json
import re
import stat
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.kernel import cache
from emulator.kernel.cache import Origin
from emulator.system.errors import EmulationError

LICENSES = ("COPYING", "LICENSES/preferred/GPL-2.0", "LICENSES/exceptions/Linux-syscall-note")
"""The files of a Linux source that hold its licence."""

PLATFORM = "manylinux_2_17_x86_64.musllinux_1_1_x86_64"
"""The oldest platforms that pip knows, because a statically linked program needs no C library."""

_NAME = "gtsdsl_kernel"
_LIBRARY_LICENSE = Path("/usr/share/common-licenses/LGPL-2.1")
"""The licence of the C library, which a statically linked kernel contains; on any Debian."""
_TIME = (1980, 1, 1, 0, 0, 0)
_PT_INTERP = 3
_LARGEST_BYTES = 2**27
_INFO_BYTES = 2**16
_SUMMARY = "The guest kernel in which gtsdsl runs network topologies, with a virtual clock"

_PAGE = """\
# gtsdsl-kernel

The kernel in which [gtsdsl](https://pypi.org/project/gtsdsl/) runs network topologies: User-Mode Linux, which is Linux
compiled to be an ordinary process of an ordinary user, with a virtual clock. `pip install gtsdsl[kernel]` installs
both.
The wheel holds a program for Linux on x86-64, which is linked statically and needs no library, and no Python code.

## Its source

- Linux is free software under the GNU General Public License, version 2 (`GPL-2.0`). This kernel is made of Debian's
  package `{package}`, version `{version}`. The tarball in it has the SHA-256
  `{sha256}`.
- The patches in `gtsdsl_kernel/` are gtsdsl's, and so is the configuration `gts-uml.config`. `config` is the complete
  configuration that follows from it.
- The C library in it is the GNU C Library of Debian's package `libc6-dev`, version `{library}` (source
  package `glibc`), under the GNU Lesser General Public License, version 2.1 or later (`LGPL-2.1`).
- It was built by {compiler}.

Debian keeps each version of each source package at https://snapshot.debian.org/.

## How to make it again

On Debian, with the tools of those versions and the same version of gtsdsl:

    gtsdsl kernel build --check {wheel}

builds it from that source and says which file differs, if one does. `tools/kernel-wheel` in gtsdsl's source makes a
wheel of a kernel that was built.
"""


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel of a kernel."""

    path: Path
    release: int
    """The number of the wheel among those of the same Linux: 0 for the first, N for ``.postN``."""
    origin: Origin


def make_wheel(folder: Path, output: Path, release: int = 0) -> Path:
    """Make a wheel of the kernel in ``folder`` of the cache; return its path in the folder ``output``.

    Raises:
        EmulationError: the kernel was not built from a Debian package on Debian, or the wheel cannot be written.
    """
    origin = cache.read_origin(folder)
    if not origin.package or not origin.c_library:
        raise EmulationError(
            f"{folder} was not built from a package of Debian's, on Debian: its wheel could not name its source"
        )
    if not _is_static((folder / "linux").read_bytes()):
        raise EmulationError(f"{folder / 'linux'} needs this machine's C library: a wheel serves every machine")
    linux = re.match(r"\d+\.\d+(?:\.\d+)?", origin.version)
    if linux is None:
        raise EmulationError(f"{origin.version} is no version of Linux")
    version = linux[0] + (f".post{release}" if release else "")
    wheel = output / f"{_NAME}-{version}-py3-none-{PLATFORM}.whl"
    page = _PAGE.format(
        package=origin.package,
        version=origin.version,
        sha256=origin.tarball_sha256,
        library=origin.c_library,
        compiler=origin.compiler,
        wheel=wheel.name,
    )
    try:
        _write(wheel, _files(folder, version, page))
    except OSError as error:
        raise EmulationError(f"{error.filename or wheel}: {error.strerror}") from None
    return wheel


def read_wheel(path: Path) -> Wheel:
    """Read the release and the origin of a wheel.

    Raises:
        EmulationError: the file cannot be read, or is no wheel of a kernel.
    """
    release = re.fullmatch(rf"{_NAME}-[\d.]+?(?:\.post(\d+))?-py3-none-[\w.]+\.whl", path.name)
    with _reading(path), zipfile.ZipFile(path) as archive:
        fields = json.loads(_content(archive, f"{_NAME}/info.json", _INFO_BYTES))
        if release is None or not all(isinstance(value, str) for value in fields["origin"].values()):
            raise ValueError(path.name)
        return Wheel(path, int(release[1] or 0), Origin(**fields["origin"]))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn each error of reading a stranger's wheel into an `EmulationError` that names the wheel."""
    try:
        yield
    except OSError as error:
        raise EmulationError(f"{path}: {error.strerror}") from None
    except (
        zipfile.BadZipFile, zlib.error, EOFError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError,
        RuntimeError,
    ):  # fmt: skip
        raise EmulationError(f"{path} is no wheel of a guest kernel, or is damaged") from None


def differences(given: Wheel, folder: Path) -> tuple[str, ...]:
    """Compare a wheel with the kernel in ``folder``; return the names of differing, missing and extra files."""
    with tempfile.TemporaryDirectory() as place:
        made = make_wheel(folder, Path(place), given.release)
        with _reading(given.path), zipfile.ZipFile(given.path) as theirs, zipfile.ZipFile(made) as ours:
            names = sorted({*theirs.namelist(), *ours.namelist()})
            differing = [
                name
                for name in names
                # a name with two entries counts as different, because programs unpack either
                if not theirs.namelist().count(name) == ours.namelist().count(name) == 1
                or _content(theirs, name) != ours.read(name)
                or theirs.getinfo(name).external_attr != ours.getinfo(name).external_attr
            ]
        if not differing and given.path.read_bytes() != made.read_bytes():
            return (f"{given.path.name} (all files in it are the same: it was compressed by another version of zlib)",)
        return tuple(differing)


def _files(folder: Path, version: str, page: str) -> dict[str, bytes]:
    """Return the content of each file of the wheel by its name, without the list of files (RECORD)."""
    licenses = [*(folder / Path(path).name for path in LICENSES), _LIBRARY_LICENSE]
    metadata = [
        "Metadata-Version: 2.4",
        "Name: gtsdsl-kernel",
        f"Version: {version}",
        f"Summary: {_SUMMARY}",
        "Author: The gtsdsl authors, and the authors of Linux",
        "License-Expression: GPL-2.0-only WITH Linux-syscall-note AND LGPL-2.1-or-later",
        *(f"License-File: {path.name}" for path in licenses),
        "Classifier: Operating System :: POSIX :: Linux",
        "Classifier: Topic :: System :: Networking",
        "Requires-Python: >=3.11",
        "Description-Content-Type: text/markdown",
        "",
        page,
    ]
    tags = [f"Tag: py3-none-{platform}" for platform in PLATFORM.split(".")]
    described = ["Wheel-Version: 1.0", "Generator: gtsdsl", "Root-Is-Purelib: false", *tags, ""]
    package = [folder / name for name in ("linux", "info.json", "config")]
    package += [cache.CONFIGURATION, *(patch.path for patch in cache.PATCHES)]
    about = f"{_NAME}-{version}.dist-info"
    return {
        **{f"{_NAME}/{path.name}": path.read_bytes() for path in package},
        f"{_NAME}/README.md": page.encode(),
        **{f"{about}/licenses/{path.name}": path.read_bytes() for path in licenses},
        f"{about}/METADATA": "\n".join(metadata).encode(),
        f"{about}/WHEEL": "\n".join(described).encode(),
    }


def _write(wheel: Path, files: dict[str, bytes]) -> None:
    about = next(name for name in files if name.endswith("/WHEEL")).partition("/")[0]
    lines = [f"{name},{_record(content)}" for name, content in sorted(files.items())]
    record = f"{about}/RECORD"
    contents = {**dict(sorted(files.items())), record: "\n".join([*lines, f"{record},,", ""]).encode()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name, _TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3  # Unix, so that pip keeps the mode of an executable
            entry.external_attr = (stat.S_IFREG | (0o755 if name == f"{_NAME}/linux" else 0o644)) << 16
            archive.writestr(entry, content, compresslevel=9)


def _record(content: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
    return f"sha256={digest},{len(content)}"


def _content(archive: zipfile.ZipFile, name: str, limit_bytes: int = _LARGEST_BYTES) -> bytes:
    """Return a file of a stranger's wheel, unpacking at most ``limit_bytes``.

    Raises:
        ValueError: the file has a compression that wheels do not use.
    """
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(name)
    with archive.open(name) as file:
        return file.read(limit_bytes)


def _is_static(program: bytes) -> bool:
    """Return whether an ELF program for x86-64 needs no loader, and so no library."""
    offset, size, count = (
        struct.unpack_from("<Q", program, 32)[0],
        *struct.unpack_from("<HH", program, 54),
    )
    kinds = [struct.unpack_from("<I", program, offset + size * number)[0] for number in range(count)]
    return _PT_INTERP not in kinds


def main() -> None:
    """Make a wheel of the kernel that was built last (`tools/kernel-wheel`)."""
    parser = argparse.ArgumentParser(prog="kernel-wheel", description=main.__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path(), metavar="FOLDER", help="where the wheel goes")
    parser.add_argument(
        "--release", type=int, default=0, metavar="N", help="for another wheel of the same Linux: the version's .postN"
    )
    asked = parser.parse_args()
    try:
        kernels = [kernel.executable.parent for kernel in cache.built_kernels()]
        in_cache = [folder for folder in kernels if folder.parent == cache.kernels_folder()]
        if not in_cache:
            raise EmulationError("no guest kernel has been built: gtsdsl kernel build")
        print(make_wheel(in_cache[0], asked.output, asked.release))
    except EmulationError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
