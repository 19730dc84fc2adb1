"""The kind of an image archive, by the names in it."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from emulator.docker.archive import Contents, inspect_archive
from emulator.system.errors import EmulationError


def archive(path: Path, *names: str, mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]  # the mode is a variable
        for name in names:
            file.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


@pytest.mark.parametrize(
    ("names", "contents"),
    [
        (("manifest.json", "abc.json"), Contents(is_saved=True, is_oci=False, is_root=False)),
        (("oci-layout", "index.json"), Contents(is_saved=False, is_oci=True, is_root=False)),
        (("./bin", "./etc"), Contents(is_saved=False, is_oci=False, is_root=True)),
        (("readme",), Contents(is_saved=False, is_oci=False, is_root=False)),
    ],
)
@pytest.mark.parametrize("packing", ["", ":gz", ":bz2", ":xz"])
def test_names_tell_the_kind(tmp_path: Path, names: tuple[str, ...], contents: Contents, packing: str) -> None:
    assert inspect_archive(archive(tmp_path / "image", *names, mode=f"w{packing}")) == contents


def test_a_missing_file_a_folder_and_a_text_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text").write_text("no archive at all" * 100)
    for name, message in (
        ("none", "the file .* is missing"),
        (".", "cannot be read: Is a directory"),
        ("pipe", "is not a regular file"),
        ("text", "is not an archive of `docker save` or `docker export`"),
    ):
        with pytest.raises(EmulationError, match=message):
            inspect_archive(tmp_path / name)
