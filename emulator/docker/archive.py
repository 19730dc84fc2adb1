"""The kind of an untrusted image archive, found from its headers only and within limits."""

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
"""The first bytes and the openers of the compressions that Docker accepts, too."""
_DAMAGE = (OSError, EOFError, ValueError, RecursionError, tarfile.TarError, lzma.LZMAError, zlib.error)
"""The exceptions of Python's modules for an archive that is damaged or malicious."""
_ROOT_FOLDERS = frozenset({"bin", "usr", "etc", "lib"})

_MAX_HEADER_BYTES = 2**20
"""The limit of one header. A header has 512 bytes; a long name or extended attributes add a few thousand."""
_MAX_HEADERS_BYTES = 2**28
"""The limit of all headers: enough for half a million files, or for a third of that with extended headers."""
_MAX_ARCHIVE_BYTES = 2**36
"""The limit of the unpacked archive."""
_MAX_RATIO, _FREE_BYTES = 200, 2**28
"""The limit of the unpacked size over the packed size, for archives that unpack to more than ``_FREE_BYTES``. It limits
the time to read a compressed archive."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The kinds that an archive seems to be of.

    ``is_saved`` means that `docker save` wrote it, ``is_oci`` that it has the OCI image layout, and ``is_root`` that it
    has a root file system.
    """

    is_saved: bool
    is_oci: bool
    is_root: bool


def inspect_archive(path: Path) -> Contents:
    """Return the kind of an archive without unpacking it.

    Raises:
        EmulationError: the file is missing, is not an archive, is damaged, or exceeds the limits of an image.
    """
    try:
        # O_NONBLOCK: to open a pipe must not block
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise EmulationError(f"{path} is not a regular file")
            begin = file.read(6)
            file.seek(0)
            opener = next((opener for magic, opener in _OPENERS if begin.startswith(magic)), None)
            if opener is None:
                return _inspect(_Headers(path, file, _MAX_ARCHIVE_BYTES))
            with opener(file) as plain:
                max_bytes = min(_MAX_ARCHIVE_BYTES, max(_FREE_BYTES, _MAX_RATIO * status.st_size))
                return _inspect(_Headers(path, plain, max_bytes))
    except FileNotFoundError:
        raise EmulationError(f"the file {path} is missing") from None
    except _DAMAGE as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
        raise EmulationError(f"{path} cannot be read: {reason}") from None


def _inspect(headers: _Headers) -> Contents:
    try:
        archive = tarfile.open(fileobj=headers, mode="r:")  # noqa: SIM115 - it holds no descriptor
    except (tarfile.ReadError, EOFError):
        raise EmulationError(f"{headers.path} is not an archive of `docker save` or `docker export`") from None
    is_saved = is_oci = is_root = False
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # tarfile would keep all headers in memory
        name = member.name.removeprefix("./").rstrip("/")
        is_saved |= name == "manifest.json"
        is_oci |= name == "oci-layout"
        is_root |= "/" in name or name in _ROOT_FOLDERS
    return Contents(is_saved, is_oci, is_root)


class _Headers(io.BufferedIOBase):
    """A file for `tarfile` that limits the sizes of the headers it reads and of the contents it skips."""

    def __init__(self, path: Path, file: io.BufferedIOBase, max_bytes: int) -> None:
        super().__init__()
        self.path = path
        self._file = file
        self._max_bytes = max_bytes
        self._remaining_bytes = _MAX_HEADERS_BYTES

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= min(_MAX_HEADER_BYTES, self._remaining_bytes):
            self._refuse()
        self._remaining_bytes -= size
        return self._file.read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if offset > self._max_bytes:
            self._refuse()
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def _refuse(self) -> NoReturn:
        raise EmulationError(
            f"{self.path} is too large for an image: it has more than {self._max_bytes / 2**30:.3g} GB, more than half "
            f"a million files, or a header of more than {_MAX_HEADER_BYTES // 2**20} MB"
        )
