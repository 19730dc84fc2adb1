"""A worker's files from clients, by hash, in the user's cache folder; and the cache of a cell, made of them.

A cell sees only the files that its client has: a worker may have built another kernel, or another agent, of its own.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from emulator.bench.cluster.manifest import CACHE
from emulator.bench.cluster.messages import CHUNK_BYTES, FILE_BYTES, FOLDER_BYTES, MOST_FILES, Manifest, SentFile
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from emulator.system.folders import cache_folder, make_folder, require_own_cache
from gtsdsl.text import printable

_HEX = frozenset("0123456789abcdef")
_PARTIAL = ".part-"
_LEFT_S = 3600.0
"""The age at which a part of a file is removed, because its client has gone."""


class ReceivedFiles:
    """The folder of the files that clients have sent."""

    def __init__(self) -> None:
        """Find the folder, or make it.

        Raises:
            EmulationError: it cannot be made, or another user could have written there.
        """
        self._own = cache_folder()
        self._files = self._own / "received" / "files"
        self._caches = self._own / "received" / "caches"
        try:
            for folder in (self._files, self._caches):
                make_folder(require_own_cache(folder))
        except OSError as error:
            raise EmulationError(f"{self._own} cannot be made: {error.strerror}; set XDG_CACHE_HOME") from None

    def cache_of(self, manifest: Manifest) -> Path | None:
        """Return the folder with the files of a manifest at their places, a cache folder; None if files are missing.

        Raises:
            EmulationError: the folder cannot be made, or the manifest is not one of gtsdsl's.
        """
        require_sane(manifest)
        folder = self._caches / manifest.name
        if folder.is_dir():
            return require_own_cache(folder)
        if self.missing(manifest):
            return None
        try:
            for file in manifest.files:
                if sha256_of(self._path(file)) != file.sha256:  # it was damaged after it had arrived
                    self._path(file).unlink()
                    return None
            self._make(folder, manifest)
        except OSError as error:
            raise EmulationError(f"{folder} cannot be made: {error.strerror}") from None
        return folder

    def missing(self, manifest: Manifest) -> tuple[str, ...]:
        """Return the hashes of the files of a manifest that this machine does not have.

        A file that this machine has at its own place, such as a kernel that was built here, is taken from there.

        Raises:
            EmulationError: the manifest is not one of gtsdsl's, or its files are too large to be kept.
        """
        require_sane(manifest)
        lacking = [file for file in manifest.files if not self._has(file)]
        self._require_room(sum(file.size_bytes for file in lacking))
        return tuple(dict.fromkeys(file.sha256 for file in lacking))

    def put(self, file: SentFile, sender: str, offset: int, content: bytes) -> None:
        """Add a part of a file; the last part makes it a file of this folder, if its hash is right.

        ``sender`` keeps apart the parts that two clients send at the same time.

        Raises:
            EmulationError: the part or the whole is not what was announced, or cannot be written.
        """
        require_sane(Manifest((file,)))
        if not sender.isalnum() or len(content) > CHUNK_BYTES or offset + len(content) > file.size_bytes:
            raise EmulationError("a part of a file is larger than it was announced")
        partial = self._files / f"{file.sha256}{_PARTIAL}{sender}"
        try:
            with partial.open("wb" if offset == 0 else "r+b") as out:
                if out.seek(0, os.SEEK_END) != offset:
                    raise EmulationError(f"a part of {printable(file.place, 200)} is missing")
                out.write(content)
            if offset + len(content) == file.size_bytes:
                self._keep(partial, file)
        except OSError as error:
            partial.unlink(missing_ok=True)
            raise EmulationError(f"{partial} cannot be written: {error.strerror}") from None

    def _has(self, file: SentFile) -> bool:
        if self._path(file).exists():
            return True
        place = PurePosixPath(file.place)
        own = self._own / place.relative_to(CACHE) if place.is_relative_to(CACHE) else Path(file.path)
        with contextlib.suppress(OSError):
            if own.is_file() and own.stat().st_size == file.size_bytes and sha256_of(own) == file.sha256:
                partial = self._files / f"{file.sha256}{_PARTIAL}{os.getpid()}"
                shutil.copyfile(own, partial)
                self._keep(partial, file)
                return True
        return False

    def _keep(self, partial: Path, file: SentFile) -> None:
        if sha256_of(partial) != file.sha256:
            partial.unlink()
            raise EmulationError(f"{printable(file.place, 200)} arrived with another content than was announced")
        partial.chmod(0o700 if file.is_program else 0o600)
        partial.replace(self._path(file))

    def _path(self, file: SentFile) -> Path:
        return self._files / f"{file.sha256}{'-x' if file.is_program else ''}"

    def _make(self, folder: Path, manifest: Manifest) -> None:
        with _new_folder(self._caches) as new:
            for file in manifest.files:
                make_folder((new / file.place).parent)
                os.link(self._path(file), new / file.place)
            make_folder(new / CACHE)
            with contextlib.suppress(FileExistsError, OSError):
                new.rename(folder)  # fails if another cell has just made it
        if not folder.is_dir():
            raise EmulationError(f"{folder} cannot be made")

    def _require_room(self, more_bytes: int) -> None:
        held_bytes = 0
        for path in self._files.iterdir():
            with contextlib.suppress(FileNotFoundError):
                found = path.stat()
                if _PARTIAL in path.name and time.time() - found.st_mtime > _LEFT_S:
                    path.unlink()
                else:
                    held_bytes += found.st_size
        if more_bytes and held_bytes + more_bytes > FOLDER_BYTES:
            raise EmulationError(
                f"{self._files.parent} would hold more than {FOLDER_BYTES // 2**30} GiB: remove it when no cell runs"
            )


def require_sane(manifest: Manifest) -> None:
    """Check that the places, hashes and sizes of a manifest are such as `cluster_job` makes.

    Raises:
        EmulationError: they are not.
    """
    if len(manifest.files) > MOST_FILES:
        raise EmulationError(f"a manifest names more than {MOST_FILES} files")
    for file in manifest.files:
        place = PurePosixPath(file.place)
        if (
            place.is_absolute()
            or ".." in place.parts
            or not place.parts
            or not file.place.isprintable()
            or len(file.place) > 400
        ):
            raise EmulationError("a manifest names a place outside its folder")
        if len(file.sha256) != 64 or not _HEX.issuperset(file.sha256) or not 0 <= file.size_bytes <= FILE_BYTES:
            raise EmulationError("a manifest has an impossible hash or size")


@contextlib.contextmanager
def _new_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder, which is removed at the end if it has not got another name."""
    new = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)
