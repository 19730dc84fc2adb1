"""A tarball of Linux gets a name by its content, and a package that is not whole is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel.source import _Apt, from_tarball
from emulator.system.errors import EmulationError
from tests.emulator.kernel.standins import put


def test_a_tarball_is_named_by_its_content(tmp_path: Path) -> None:
    one, other = tmp_path / "linux-7.3.4.tar.xz", tmp_path / "other" / "linux-7.3.4.tar.xz"
    other.parent.mkdir()
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    assert from_tarball(one).version != from_tarball(other).version
    assert from_tarball(one).version.startswith("linux-7.3.4-")


def test_a_tarball_with_a_hostile_name_names_a_folder_safely(tmp_path: Path) -> None:
    path = tmp_path / "a b\n$(x)'\";[*].tar"
    path.write_bytes(b"")
    assert set("/ \n$()'\";[*]").isdisjoint(from_tarball(path).version)


def test_a_tarball_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(EmulationError, match="No such file"):
        from_tarball(tmp_path / "missing.tar")


def test_a_package_that_cannot_be_unpacked_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = {
        "apt-get": "touch linux-source-7.3_7.3.4_all.deb",
        "dpkg-deb": """mkdir -p package/usr/src; touch package/usr/src/linux-source-7.3.tar.xz
        echo 'dpkg-deb: error: No space left on device' >&2; exit 2""",
    }
    (tmp_path / "bin").mkdir()
    for name, script in programs.items():
        put(tmp_path / "bin" / name, f"#!/bin/sh\n{script}\n")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(EmulationError, match=r"7\.3 cannot be unpacked: dpkg-deb: error: No space left"):
        _Apt(tmp_path, None).download("linux-source-7.3", "7.3.4", lambda _: None)
