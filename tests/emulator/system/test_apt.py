"""Debian's archives are found through the machine's own sources, with nothing changed but the suite."""

from __future__ import annotations

import pytest

from emulator.system.apt import Archive, debian_archives

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
