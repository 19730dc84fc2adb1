"""This machine's busybox and measuring tools to an image for containers: made offline, the same bytes each time."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.docker import programs
from emulator.docker.archive import look_through
from emulator.docker.programs import PATH
from emulator.system.errors import EmulationError
from emulator.system.folders import cache_folder, make_folder, require_own_cache
from emulator.system.text import one_line

_VERSION = 1
"""Of the layout below; another one gives another file."""
_NEEDED = {"busybox": "busybox-static", "bash": "bash", "ping": "iputils-ping"}
_WANTED = ("ip", "tc", "iperf3", "netperf", "netserver")
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:-]*(@sha256:[0-9a-f]+)?")
"""An image's name, as Docker has them."""
_ARCHIVE = re.compile(r"\.(tar|tgz|tar\.[a-z0-9]+)$")
_KEPT_S = 30 * 86400
_FIRST_WITH_OCI = 25
"""The first version of Docker that loads an image without a `manifest.json` of its own."""
_FOLDERS = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o755, "root": 0o700, "sys": 0o755, "tmp": 0o1777,
            "usr": 0o755, "var": 0o755, "var/tmp": 0o1777}  # fmt: skip
# bash, for the shell of Debian's busybox takes its own `ping` before the one that is looked for
_LINKS = {"bin/sh": "bash", "sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin", "var/run": "../run"}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    # without it, the C library would ask a name server before it looks into /etc/hosts
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An archive that a `dockerd` takes: ``is_saved`` if `docker save` wrote it, else it is of a root file system."""

    path: Path
    is_saved: bool


def own_image() -> Image:
    """The image that is made here of the machine's own programs, kept in the user's cache folder.

    Raises:
        EmulationError: a program that must be in it is missing, or there is no room.
    """
    found = dict(_programs())
    applets = _output([found["busybox"], "--list"]).split()
    libraries = sorted({path for program in found.values() for path in _libraries(program)})
    contents = {f"bin/{name}": Path(path).read_bytes() for name, path in found.items()}
    contents |= {path.lstrip("/"): Path(path).read_bytes() for path in libraries}
    contents |= {name: text.encode() for name, text in _FILES.items()}
    links = {**{f"bin/{name}": "busybox" for name in applets if name not in found}, **_LINKS}
    path = cache_folder() / "images" / f"tools-{_hash(contents, links)}.tar"
    if not require_own_cache(path).exists():
        with _keeping(path) as file:
            _write(file, contents, links)
    return Image(path, is_saved=False)


def find_image(text: str) -> Image:
    """An image that the user names: by the path of an archive, or as their own Docker does (``debian:12``).

    What can be either is an archive if it is called like one (``image.tar``), and else an image of Docker: a file
    ``debian:12`` of a stranger's folder must not stand for it.

    Raises:
        EmulationError: there is none.
    """
    is_path = not _REFERENCE.fullmatch(text) or _ARCHIVE.search(text)
    return image(Path(text) if is_path else _saved(text))


def image(path: Path) -> Image:
    """An archive that `docker save` wrote, or one of a root file system.

    Raises:
        EmulationError: it is neither, or of a kind that this machine's Docker does not load.
    """
    found = look_through(path)
    if found.is_oci and not found.is_saved and _major(version := programs.version()) < _FIRST_WITH_OCI:
        raise EmulationError(
            f"{path} has the layout of OCI, which Docker loads from version {_FIRST_WITH_OCI} on"
            f"{f', and not {version}' if version else ''}: write it with `docker save`"
        )
    if not (found.is_saved or found.is_oci or found.is_root):
        raise EmulationError(f"{path} holds neither an image (docker save) nor a root file system (docker export)")
    return Image(path, is_saved=found.is_saved or found.is_oci)


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)


def _saved(name: str) -> Path:
    """The archive of an image that the user's own Docker has, which is read from and not changed."""
    from docker import from_env
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    try:
        with contextlib.closing(from_env()) as client:
            found = client.images.get(name)
            path = cache_folder() / "images" / f"docker-{str(found.id).rpartition(':')[2][:16]}.tar"
            if not require_own_cache(path).exists():
                with _keeping(path) as file:
                    file.writelines(found.save(named=True))
    except ImageNotFound:
        raise EmulationError(f"{_no_file(name)}, and your Docker has no such image: `docker pull {name}`") from None
    except (DockerException, RequestException) as error:
        raise EmulationError(
            f"{_no_file(name)}, and no Docker of yours to take such an image from ({one_line(str(error))}); "
            f"where there is one, `docker save {name} -o image.tar`, then name that file"
        ) from None
    return path


def _no_file(name: str) -> str:
    is_there = os.path.exists(name)  # noqa: PTH110 - which a name that is too long for one does not disturb
    return f"the file here is called ./{name}" if is_there else f"no file {name}"


def _programs() -> Iterator[tuple[str, str]]:
    for name, package in _NEEDED.items():
        found = shutil.which(name, path=PATH)
        if found is None:
            raise EmulationError(f"{name} is missing, for the containers' image: `apt-get install {package}`")
        yield name, found
    for name in _WANTED:
        if (found := shutil.which(name, path=PATH)) is not None:
            yield name, found


def _libraries(program: str) -> list[str]:
    """The shared libraries of a program. `ldd` may run it, which is all right for this machine's own only."""
    return _LIBRARY.findall(_output(["ldd", program]))


def _output(command: list[str]) -> str:
    # a static program has no libraries, which `ldd` calls a failure
    found = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": PATH, "LC_ALL": "C"})
    return found.stdout


def _hash(contents: Mapping[str, bytes], links: Mapping[str, str]) -> str:
    digest = hashlib.sha256(f"{_VERSION}\n{sorted(_FOLDERS.items())}\n{sorted(links.items())}\n".encode())
    for name, data in sorted(contents.items()):
        digest.update(f"{name}\n{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _keeping(path: Path) -> Iterator[io.BufferedWriter]:
    """Within it, a file is written so that whoever looks for it sees nothing or all of it.

    Raises:
        EmulationError: there is no room for it.
    """
    temporary = None
    try:
        make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=".image-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        _forget_unused(path.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
        if isinstance(error, OSError):
            raise EmulationError(f"{path}: the containers' image cannot be kept there: {error.strerror}") from None
        raise


def _forget_unused(folder: Path) -> None:
    """Remove what nobody has read for a month: an image is made again, or asked for, when it is wanted."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process does the same
            found = path.stat()
            if max(found.st_atime, found.st_mtime) < time.time() - _KEPT_S:
                path.unlink()


def _write(file: io.BufferedWriter, contents: Mapping[str, bytes], links: Mapping[str, str]) -> None:
    folders = dict(_FOLDERS)
    for name in contents:
        for parent in Path(name).parents[:-1]:
            folders.setdefault(str(parent), 0o755)
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({*folders, *links, *contents}):
            member = tarfile.TarInfo(name)  # of root, at the beginning of time
            if name in folders:
                member.type, member.mode = tarfile.DIRTYPE, folders[name]
                archive.addfile(member)
            elif name in links:
                member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, links[name]
                archive.addfile(member)
            else:
                member.size, member.mode = len(contents[name]), 0o644 if name.startswith("etc/") else 0o755
                archive.addfile(member, io.BytesIO(contents[name]))
