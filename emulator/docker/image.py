"""The images of containers: archives, images of the user's Docker, and an image built from this machine's tools."""

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
from emulator.docker.archive import inspect_archive
from emulator.docker.programs import PATH
from emulator.system.errors import EmulationError
from emulator.system.folders import cache_folder, make_folder, require_own_cache
from emulator.system.text import one_line

_LAYOUT_VERSION = 1
"""The version of the folders, links and files below. It is part of the image's hash, and so of its file name."""
_REQUIRED = {"busybox": "busybox-static", "bash": "bash", "ping": "iputils-ping"}
_OPTIONAL = ("ip", "tc", "iperf3", "netperf", "netserver")
_LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)
_REFERENCE = re.compile(r"[a-z0-9][a-z0-9._/:-]*(@sha256:[0-9a-f]+)?")
"""The name of an image in Docker."""
_ARCHIVE = re.compile(r"\.(tar|tgz|tar\.[a-z0-9]+)$")
_MAX_AGE_S = 30 * 86400
_FIRST_WITH_OCI = 25
"""The first version of Docker that loads an OCI image without a `manifest.json`."""
_FOLDERS = {"bin": 0o755, "dev": 0o755, "etc": 0o755, "proc": 0o755, "root": 0o700, "sys": 0o755, "tmp": 0o1777,
            "usr": 0o755, "var": 0o755, "var/tmp": 0o1777}  # fmt: skip
# bash, because the shell of Debian's busybox prefers its built-in `ping` to the program
_LINKS = {"bin/sh": "bash", "sbin": "bin", "usr/bin": "../bin", "usr/sbin": "../bin", "var/run": "../run"}
_FILES = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    # without this file, the C library would ask a name server before it reads /etc/hosts
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
    # without this file, a name in /etc/hosts would have its first address only, and none of IPv6
    "etc/host.conf": "multi on\n",
}


@dataclass(frozen=True, slots=True)
class Image:
    """An archive that a `dockerd` accepts: an image if ``is_saved``, else a root file system."""

    path: Path
    is_saved: bool


def built_in_image() -> Image:
    """Return the image with this machine's busybox, bash and measuring tools; build it if it is not in the cache.

    The build needs no network and gives the same bytes each time.

    Raises:
        EmulationError: a program that the image needs is missing, or the file cannot be written.
    """
    paths = dict(_programs())
    applets = _output([paths["busybox"], "--list"]).split()
    libraries = sorted({path for program in paths.values() for path in _libraries(program)})
    contents = {f"bin/{name}": Path(path).read_bytes() for name, path in paths.items()}
    contents |= {path.lstrip("/"): Path(path).read_bytes() for path in libraries}
    contents |= {name: text.encode() for name, text in _FILES.items()}
    links = {**{f"bin/{name}": "busybox" for name in applets if name not in paths}, **_LINKS}
    path = cache_folder() / "images" / f"tools-{_hash(contents, links)}.tar"
    if not require_own_cache(path).exists():
        with _written_whole(path) as file:
            _write(file, contents, links)
    return Image(path, is_saved=False)


def find_image(text: str) -> Image:
    """Return the image with a name: the path of an archive, or an image of the user's own Docker (``debian:12``).

    A name that can be either is an archive only if it ends like one (``image.tar``), because a file ``debian:12`` in
    an untrusted folder must not replace the image of this name.

    Raises:
        EmulationError: the image is missing or unusable.
    """
    if not text:
        raise EmulationError("the name of an image is empty: write a file's name, or a name such as debian:12")
    is_path = not _REFERENCE.fullmatch(text) or _ARCHIVE.search(text)
    return archive_image(Path(text) if is_path else _save_from_docker(text))


def archive_image(path: Path) -> Image:
    """Return the image in an archive of `docker save` or `docker export`.

    Raises:
        EmulationError: it is another kind of file, or this machine's Docker does not load it.
    """
    contents = inspect_archive(path)
    if contents.is_oci and not contents.is_saved and _major(version := programs.version()) < _FIRST_WITH_OCI:
        raise EmulationError(
            f"{path} has the OCI layout, which Docker loads from version {_FIRST_WITH_OCI} on"
            f"{f' and {version} does not' if version else ''}: write it with `docker save`"
        )
    if not (contents.is_saved or contents.is_oci or contents.is_root):
        raise EmulationError(f"{path} has neither an image (docker save) nor a root file system (docker export)")
    return Image(path, is_saved=contents.is_saved or contents.is_oci)


def _major(version: str) -> int:
    return int(version.partition(".")[0] or 0)


def _save_from_docker(name: str) -> Path:
    """Save an image of the user's own Docker into the cache; their Docker is only read from."""
    from docker import from_env
    from docker.errors import DockerException, ImageNotFound
    from requests import RequestException

    try:
        with contextlib.closing(from_env()) as client:
            image = client.images.get(name)
            path = cache_folder() / "images" / f"docker-{str(image.id).rpartition(':')[2][:16]}.tar"
            if not require_own_cache(path).exists():
                with _written_whole(path) as file:
                    file.writelines(image.save(named=True))
    except ImageNotFound:
        raise EmulationError(f"{_no_file(name)}, and your Docker has no such image: run `docker pull {name}`") from None
    except (DockerException, RequestException) as error:
        raise EmulationError(
            f"{_no_file(name)}, and your Docker does not answer ({one_line(str(error))}): start it, or run "
            f"`docker save {name} -o image.tar` where it runs and name that file"
        ) from None
    return path


def _no_file(name: str) -> str:
    is_there = os.path.exists(name)  # noqa: PTH110 - unlike Path.exists, it takes a name of any length
    return f"the file in this folder is named ./{name}" if is_there else f"the file {name} is missing"


def _programs() -> Iterator[tuple[str, str]]:
    for name, package in _REQUIRED.items():
        path = shutil.which(name, path=PATH)
        if path is None:
            raise EmulationError(f"{name} is missing, which the containers' image needs: `apt-get install {package}`")
        yield name, path
    for name in _OPTIONAL:
        if (path := shutil.which(name, path=PATH)) is not None:
            yield name, path


def _libraries(program: str) -> list[str]:
    """Return the shared libraries of a program of this machine; it must be trusted, because `ldd` may run it."""
    return _LIBRARY.findall(_output(["ldd", program]))


def _output(command: list[str]) -> str:
    # no check: `ldd` reports a static program as a failure
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"PATH": PATH, "LC_ALL": "C"})
    return done.stdout


def _hash(contents: Mapping[str, bytes], links: Mapping[str, str]) -> str:
    digest = hashlib.sha256(f"{_LAYOUT_VERSION}\n{sorted(_FOLDERS.items())}\n{sorted(links.items())}\n".encode())
    for name, data in sorted(contents.items()):
        digest.update(f"{name}\n{hashlib.sha256(data).hexdigest()}\n".encode())
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def _written_whole(path: Path) -> Iterator[io.BufferedWriter]:
    """Open a temporary file that replaces ``path`` at the end of the context, so that nobody reads a part of it.

    Raises:
        EmulationError: the file cannot be written.
    """
    temporary = None
    try:
        make_folder(path.parent)
        descriptor, temporary = tempfile.mkstemp(prefix=".image-", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
        _remove_unused(path.parent)
    except BaseException as error:
        if temporary is not None:
            with contextlib.suppress(FileNotFoundError):
                Path(temporary).unlink()
        if isinstance(error, OSError):
            raise EmulationError(f"{path}: the containers' image cannot be written: {error.strerror}") from None
        raise


def _remove_unused(folder: Path) -> None:
    """Remove images that nobody has read for a month; a run that needs one builds or saves it again."""
    for path in folder.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another process may remove it, too
            status = path.stat()
            if max(status.st_atime, status.st_mtime) < time.time() - _MAX_AGE_S:
                path.unlink()


def _write(file: io.BufferedWriter, contents: Mapping[str, bytes], links: Mapping[str, str]) -> None:
    folders = dict(_FOLDERS)
    for name in contents:
        for parent in Path(name).parents[:-1]:
            folders.setdefault(str(parent), 0o755)
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({*folders, *links, *contents}):
            member = tarfile.TarInfo(name)  # owned by root, dated 1970
            if name in folders:
                member.type, member.mode = tarfile.DIRTYPE, folders[name]
                archive.addfile(member)
            elif name in links:
                member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, links[name]
                archive.addfile(member)
            else:
                member.size, member.mode = len(contents[name]), 0o644 if name.startswith("etc/") else 0o755
                archive.addfile(member, io.BytesIO(contents[name]))
