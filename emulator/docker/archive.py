"""A stranger's archive to what it holds: its headers alone are read, and no more of them than there is room for."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from emulator.system.errors import EmulationError

_OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
"""What compressed files begin with, of those that Docker takes too."""
_DAMAGE = (OSError, EOFError, ValueError, RecursionError, tarfile.TarError, lzma.LZMAError, zlib.error)
"""What Python's modules raise for an archive that is damaged, or made to confuse them."""
_ROOT_FOLDERS = frozenset({"bin", "usr", "etc", "lib"})

_HEADER_BYTES = 2**20
"""A header has 512 bytes, and with a long name or extended attributes a few thousand."""
_HEADERS_BYTES = 2**28
"""Those of half a million files, or of a third of it with extended headers."""
_ARCHIVE_BYTES = 2**36
"""All of it, unpacked."""
_TIMES, _FREE_BYTES = 200, 2**28
"""How many times its size a packed archive may have unpacked, from which size on: what is read costs time."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive seems to be: of `docker save`, of an image in OCI's layout, of a root file system."""

    is_saved: bool
    is_oci: bool
    is_root: bool


def look_through(path: Path) -> Contents:
    """Find out what an archive is, without unpacking it.

    Raises:
        EmulationError: it is no archive, is damaged, or has more in it than an image may have.
    """
    try:
        # O_NONBLOCK: a pipe in its place must not keep us waiting
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise EmulationError(f"{path} is no regular file")
            begin = file.read(6)
            file.seek(0)
            opener = next((opener for magic, opener in _OPENERS if begin.startswith(magic)), None)
            if opener is None:
                return _look_through(_Headers(path, file, _ARCHIVE_BYTES))
            with opener(file) as plain:
                most_bytes = min(_ARCHIVE_BYTES, max(_FREE_BYTES, _TIMES * status.st_size))
                return _look_through(_Headers(path, plain, most_bytes))
    except FileNotFoundError:
        raise EmulationError(f"there is no file {path}") from None
    except _DAMAGE as error:
        why = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise EmulationError(f"{path} cannot be read: {why}") from None


def _look_through(headers: _Headers) -> Contents:
    try:
        archive = tarfile.open(fileobj=headers, mode="r:")  # noqa: SIM115 - it holds nothing
    except (tarfile.ReadError, EOFError):
        raise EmulationError(f"{headers.path} is no archive, of `docker save` or of `docker export`") from None
    is_saved = is_oci = is_root = False
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # it would keep them all
        name = member.name.removeprefix("./").rstrip("/")
        is_saved |= name == "manifest.json"
        is_oci |= name == "oci-layout"
        is_root |= "/" in name or name in _ROOT_FOLDERS
    return Contents(is_saved, is_oci, is_root)


class _Headers(io.BufferedIOBase):
    """A file of which `tarfile` reads headers, and skips what is between them, within bounds."""

    def __init__(self, path: Path, file: io.BufferedIOBase, most_bytes: int) -> None:
        super().__init__()
        self.path = path
        self._file = file
        self._most_bytes = most_bytes
        self._left = _HEADERS_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= min(_HEADER_BYTES, self._left):
            self._refuse()
        self._left -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if offset > self._most_bytes:
            self._refuse()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _refuse(self) -> NoReturn:
        most = f"more than {self._most_bytes / 2**30:.3g} GB, more than half a million files"
        raise EmulationError(
            f"{self.path} is no image: it has {most}, or a file's header of more than {_HEADER_BYTES // 2**20} MB"
        )
