"""Source of Linux: Debian's source package, fetched by apt from the machine's own mirror, or a user's tarball.

Debian's `linux-source-N.M` is an architecture-independent package that holds a tarball, so any Debian can download
and unpack the package of a later release. apt does that with its signature checks, and with lists and sources in a
folder of the build. The machine's own lists and sources are read and never changed.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from emulator.system.apt import RETRYING, first_error, own_archives, run
from emulator.system.errors import EmulationError
from emulator.system.files import sha256_of
from emulator.system.text import one_line

SUITE = "trixie-backports"
"""The Debian suite of the source that the emulation is tested with."""
PREFERRED = "linux-source-7.3"
"""The package that is tested: the first Linux whose guest needs no ptrace and keeps the virtual clock."""

Report = Callable[[str], None]
"""Called with the present step, in a few words."""

_PACKAGE = re.compile(r"linux-source-(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Source:
    """A tarball of Linux, and its version."""

    tarball: Path
    version: str
    """Debian's version, or a tarball's name and the start of its SHA-256."""
    package: str = ""
    """The name of the Debian package; empty for a user's tarball."""


@dataclass(frozen=True, slots=True)
class Package:
    """A source package that apt can download, with its name and version."""

    apt: _Apt
    name: str
    version: str

    def fetch(self, report: Report) -> Source:
        """Download the package, which apt verifies, and unpack its tarball.

        Raises:
            EmulationError: the package cannot be downloaded, or differs from apt's signed lists.
        """
        return self.apt.download(self.name, self.version, report)


def find(folder: Path, report: Report) -> Package:
    """Find Debian's source package by apt, with its lists in ``folder``.

    The package is `PREFERRED` from `SUITE`, or else the newest one there. On another distribution, or with a mirror
    that lacks the suite, it is the newest one of the machine's own sources.

    Raises:
        EmulationError: apt, the network or the package is missing, or the signature cannot be verified.
    """
    archives = own_archives()
    if archives:
        own = _Apt(folder, "".join(f"{archive.stanza(SUITE)}\n" for archive in archives))
        report(f"reading the package list of {SUITE}")
        if own.update() and (name := own.newest()):
            return own.package(name)
    running = _Apt(folder, None)
    if name := running.newest():
        report(f"{SUITE} is missing here: using this system's {name}")
        return running.package(name)
    raise EmulationError(
        "no Linux source: this system's apt knows no linux-source package; name a tarball with --source TARBALL"
    )


def from_tarball(path: Path) -> Source:
    """Return the source in a tarball that the user names.

    Raises:
        EmulationError: the tarball cannot be read.
    """
    name = re.sub(r"[^A-Za-z0-9.+~-]", "_", path.name.partition(".tar")[0])
    return Source(path, f"{name}-{sha256(path)[:12]}")


def sha256(tarball: Path) -> str:
    """Return the SHA-256 of a tarball.

    Raises:
        EmulationError: the tarball cannot be read.
    """
    try:
        return sha256_of(tarball)
    except OSError as error:
        raise EmulationError(f"{tarball}: {error.strerror}") from None


class _Apt:
    """apt with its own cache in ``folder``, and with the text ``sources`` as its sources; None takes the machine's."""

    def __init__(self, folder: Path, sources: str | None) -> None:
        self._folder = folder
        self._options = ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "APT::Update::Error-Mode=any"]
        self._options += RETRYING
        if sources is not None:
            lists = folder / "lists"
            (lists / "partial").mkdir(parents=True, exist_ok=True)
            (folder / "gtsdsl.sources").write_text(sources)
            self._options += [f"Dir::State::Lists={lists}", f"Dir::Etc::sourcelist={folder / 'gtsdsl.sources'}"]
            self._options += ["Dir::Etc::sourceparts=/dev/null"]

    def update(self) -> bool:
        """Fetch the package lists; return whether the mirror has the suite.

        Raises:
            EmulationError: the network is missing, or the signature cannot be verified.
        """
        result = self._run("apt-get", "update")
        if result.returncode == 0:
            return True
        said = result.stderr + result.stdout
        if re.search(r"NO_PUBKEY|not signed|EXPKEYSIG|signatures? (?:couldn't|were invalid)|Sub-process .*gpgv", said):
            raise EmulationError(
                f"apt cannot verify {SUITE}, because its keys are missing: apt-get install debian-archive-keyring"
            )
        if re.search(r"\b404\b|does not have a Release file", said):
            return False
        raise EmulationError(f"the Linux source cannot be fetched: {first_error(said)}")

    def newest(self) -> str | None:
        """Return the name of the source package: `PREFERRED`, or else the newest version; None if apt knows none."""
        names = self._run("apt-cache", "pkgnames", "linux-source-").stdout.split()
        found = {(int(match[1]), int(match[2])): match[0] for name in names if (match := _PACKAGE.fullmatch(name))}
        return PREFERRED if PREFERRED in found.values() else found[max(found)] if found else None

    def package(self, name: str) -> Package:
        """Return a source package with the version that `download` gets.

        Raises:
            EmulationError: apt knows no such package.
        """
        shown = self._run("apt-cache", "show", "--no-all-versions", name)
        version = re.search(r"(?m)^Version: (\S+)$", shown.stdout)
        if version is None:
            raise EmulationError(f"{name} cannot be downloaded: {first_error(shown.stderr)}")
        return Package(self, name, version[1])

    def download(self, name: str, version: str, report: Report) -> Source:
        """Download a source package and return its tarball; see `Package.fetch`."""
        report(f"downloading {name} (about 170 MB)")
        got = self._run("apt-get", "download", f"{name}={version}")
        packages = sorted(self._folder.glob(f"{name}_*.deb"))
        if got.returncode != 0 or not packages:
            raise EmulationError(f"{name} cannot be downloaded: {first_error(got.stderr + got.stdout)}")
        unpacked = self._run("dpkg-deb", "--extract", str(packages[-1]), str(self._folder / "package"))
        if unpacked.returncode != 0:  # such as on a full disk, which leaves a part of the tarball
            said = one_line(unpacked.stderr.strip().rpartition("\n")[2])
            raise EmulationError(f"{name} cannot be unpacked: {said}")
        packages[-1].unlink()
        tarballs = sorted((self._folder / "package/usr/src").glob("linux-source-*.tar.*"))
        if not tarballs:
            raise EmulationError(f"{name} holds no Linux source; name a tarball with --source TARBALL")
        return Source(tarballs[0], version, name)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = [] if program == "dpkg-deb" else self._options
        instead = "name a tarball of Linux with --source TARBALL"
        return run(program, arguments, self._folder, instead, options)
