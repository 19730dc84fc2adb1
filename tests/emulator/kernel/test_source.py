"""Debian's source package is found through the machine's own sources, with nothing changed but the suite."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.kernel.source import Archive, _Apt, debian_archives, from_tarball
from emulator.system.errors import EmulationError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MIRROR = "http://mirror.example/debian"


def found(text: str, name: str = "debian.sources", release: str = "bookworm") -> list[Archive]:
    return list(debian_archives(release, [(name, text)]))


def test_deb822_of_the_release_is_taken_with_its_keyring() -> None:
    text = f"""Types: deb
# a comment between the fields
URIs: {MIRROR}
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: {KEYRING}

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
"""
    assert found(text) == [Archive((MIRROR,), (("Signed-By", KEYRING),))]


def test_a_key_given_in_full_is_kept() -> None:
    text = f"""Types: deb deb-src
URIs: {MIRROR}
Suites: bookworm
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mQINBGB
 -----END PGP PUBLIC KEY BLOCK-----
"""
    (archive,) = found(text)
    assert "\n mQINBGB\n" in archive.stanza("trixie-backports")
    assert "Suites: trixie-backports\n" in archive.stanza("trixie-backports")


@pytest.mark.parametrize(
    "line",
    [
        f"deb {MIRROR} bookworm main",
        f"deb {MIRROR}  bookworm   main contrib # comment",
        f"deb {MIRROR} stable main",
    ],
)
def test_one_line(line: str) -> None:
    assert found(line, "sources.list") == [Archive((MIRROR,), ())]


def test_one_line_with_options() -> None:
    line = f"deb [arch=amd64 signed-by={KEYRING}] {MIRROR} bookworm main"
    assert found(line, "sources.list") == [Archive((MIRROR,), (("Signed-By", KEYRING),))]


@pytest.mark.parametrize(
    "line",
    [
        f"# deb {MIRROR} bookworm main",
        f"deb-src {MIRROR} bookworm main",
        f"deb {MIRROR} bookworm-security main",
        f"deb {MIRROR} bookworm contrib",
        "deb https://packages.example/apt cloud-sdk-bookworm main",
        "deb https://deb.example/node nodistro main",
        "deb cdrom:[Debian_12]/ bookworm main",
        "",
        "deb",
    ],
)
def test_what_is_not_the_archive_is_left_alone(line: str) -> None:
    assert found(line, "sources.list") == []


def test_a_disabled_source_is_left_alone() -> None:
    assert found(f"Types: deb\nURIs: {MIRROR}\nSuites: bookworm\nComponents: main\nEnabled: no\n") == []


def test_trust_is_never_added() -> None:
    (archive,) = found(f"deb {MIRROR} bookworm main", "sources.list")
    assert archive.stanza("x") == f"Types: deb\nURIs: {MIRROR}\nSuites: x\nComponents: main\n"


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
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    with pytest.raises(EmulationError, match=r"7\.3 cannot be unpacked: dpkg-deb: error: No space left"):
        _Apt(tmp_path, None).download("linux-source-7.3", "7.3.4", lambda _: None)
