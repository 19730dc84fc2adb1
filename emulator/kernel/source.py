"""Find and fetch a Linux source: Debian's source package, by apt from the machine's own mirror, or a user's tarball.

Debian's `linux-source-N.M` is one architecture-independent package that holds a tarball, so any Debian can download
and unpack that of a later release. apt does it, with its signature checks, on lists and sources of its own: the
machine's are read, never changed.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.programs import environment
from emulator.system.text import one_line

SUITE = "trixie-backports"
"""Where the source comes from that the emulation is tested with."""
PREFERRED = "linux-source-7.3"
"""The first with a guest that needs no ptrace and keeps the virtual clock; built, booted and measured."""

Report = Callable[[str], None]
"""Told, in a few words, what is being done."""

_ALIASES = frozenset({"stable", "testing", "unstable", "sid", "oldstable", "oldoldstable"})
_PACKAGE = re.compile(r"linux-source-(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class Archive:
    """One source of apt's, in the fields of its deb822 format."""

    uris: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    """Signed-By and the like, as the machine has them: whom this machine trusts is not ours to change."""

    def stanza(self, suite: str) -> str:
        """The source as apt reads it, with another suite."""
        lines = ["Types: deb", f"URIs: {' '.join(self.uris)}", f"Suites: {suite}", "Components: main"]
        return "\n".join([*lines, *(f"{name}: {value}" for name, value in self.options)]) + "\n"


@dataclass(frozen=True, slots=True)
class Source:
    """A tarball of Linux, and what it is called."""

    tarball: Path
    version: str
    """Names the source among others: Debian's version, or a tarball's name and the start of its SHA-256."""
    package: str = ""
    """Debian's package that it is from; empty for a user's tarball."""


@dataclass(frozen=True, slots=True)
class Package:
    """A source package that apt can download, and its version, as a `Source` has it."""

    apt: _Apt
    name: str
    version: str

    def fetch(self, report: Report) -> Source:
        """Download it, verified by apt, and unpack the tarball that is in it.

        Raises:
            EmulationError: it cannot be downloaded or is not what apt's signed lists say.
        """
        return self.apt.download(self.name, self.version, report)


def find(folder: Path, report: Report) -> Package:
    """Ask apt, with lists in ``folder``, for Debian's source package.

    It is `PREFERRED` from `SUITE`, else the newest there, else (a distribution that is not Debian, a mirror without
    that suite) the newest that the machine's own sources offer.

    Raises:
        EmulationError: there is no apt, no network, no such package, or its signature cannot be verified.
    """
    archives = tuple(debian_archives(_release(), _source_files()))
    if archives:
        own = _Apt(folder, "".join(f"{archive.stanza(SUITE)}\n" for archive in archives))
        report(f"asking for {SUITE}'s packages")
        if own.update() and (name := own.newest()):
            return own.package(name)
    running = _Apt(folder, None)
    if name := running.newest():
        report(f"{SUITE} is not to be had here: taking this system's {name}")
        return running.package(name)
    raise EmulationError(
        "no Linux source: this system's apt knows no linux-source package; name a tarball with --source TARBALL"
    )


def from_tarball(path: Path) -> Source:
    """A tarball that the user names.

    Raises:
        EmulationError: it cannot be read.
    """
    name = re.sub(r"[^A-Za-z0-9.+~-]", "_", path.name.partition(".tar")[0])
    return Source(path, f"{name}-{sha256(path)[:12]}")


def sha256(tarball: Path) -> str:
    """The SHA-256 of a tarball.

    Raises:
        EmulationError: it cannot be read.
    """
    try:
        with tarball.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise EmulationError(f"{tarball}: {error.strerror}") from None


def debian_archives(release: str, files: Iterable[tuple[str, str]]) -> Iterator[Archive]:
    """The sources among apt's files (name and text of each) that hold Debian's main archive of ``release``.

    Third parties' sources have suites of their own, and the security archive has no backports: only what names the
    release itself, or an alias of one, is taken.
    """
    for name, text in files:
        for types, suites, components, archive in _deb822(text) if name.endswith(".sources") else _one_line(text):
            remote = all(re.match(r"(https?|ftp|tor|mirror|file|copy)[:+]", uri) for uri in archive.uris)
            if "deb" in types and "main" in components and archive.uris and remote and {release, *_ALIASES} & suites:
                yield archive


_Entry = tuple[set[str], set[str], set[str], Archive]


def _deb822(text: str) -> Iterator[_Entry]:
    without_comments = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in re.split(r"\n[ \t]*\n", without_comments):
        # a line that begins with a blank goes on with the field before: a key may be given in full
        fields = {
            name.lower(): value.strip()
            for name, value in re.findall(r"(?m)^([\w-]+):((?:.*)(?:\n[ \t].+)*)", paragraph)
        }
        if fields.get("enabled", "yes").lower() in {"no", "false", "off", "0", "disable"}:
            continue
        options = [(option, fields[option.lower()]) for option in _OPTIONS.values() if option.lower() in fields]
        archive = Archive(tuple(fields.get("uris", "").split()), tuple(options))
        types, suites, components = (set(fields.get(name, "").split()) for name in ("types", "suites", "components"))
        yield types, suites, components, archive


_OPTIONS = {"signed-by": "Signed-By", "trusted": "Trusted", "check-valid-until": "Check-Valid-Until"}


def _one_line(text: str) -> Iterator[_Entry]:
    for line in text.splitlines():
        if match := re.match(r"\s*(deb)\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line):
            kind, options, uri, suite, components = match.groups()
            given = [
                (key.lower(), value) for key, _, value in (word.partition("=") for word in (options or "").split())
            ]
            kept = tuple((_OPTIONS[key], value.replace(",", " ")) for key, value in given if key in _OPTIONS)
            yield {kind}, {suite}, set(components.split()), Archive((uri,), kept)


def _release() -> str:
    """The code name of the running Debian; empty on any other system."""
    try:
        fields = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    except OSError:
        return ""
    values = {key: value.strip("\"'") for key, value in fields.items()}
    return values.get("VERSION_CODENAME", "sid") if values.get("ID") == "debian" else ""


def _source_files() -> Iterator[tuple[str, str]]:
    for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*"))):
        if path.suffix in {".list", ".sources"} and path.is_file():
            yield path.name, path.read_text(errors="replace")


class _Apt:
    """apt with folders of its own; with ``sources`` of its own too, or the machine's sources and lists."""

    def __init__(self, folder: Path, sources: str | None) -> None:
        self._folder = folder
        self._options = ["Dir::Cache::pkgcache=", "Dir::Cache::srcpkgcache=", "APT::Update::Error-Mode=any"]
        self._options += ["Acquire::Retries=2", "Acquire::http::Timeout=30", "Acquire::https::Timeout=30"]
        if sources is not None:
            lists = folder / "lists"
            (lists / "partial").mkdir(parents=True, exist_ok=True)
            (folder / "gtsdsl.sources").write_text(sources)
            self._options += [f"Dir::State::Lists={lists}", f"Dir::Etc::sourcelist={folder / 'gtsdsl.sources'}"]
            self._options += ["Dir::Etc::sourceparts=/dev/null"]

    def update(self) -> bool:
        """Whether the suite is to be had.

        Raises:
            EmulationError: it cannot be known, for there is no network, or the signature cannot be verified.
        """
        result = self._run("apt-get", "update")
        if result.returncode == 0:
            return True
        said = result.stderr + result.stdout
        if re.search(r"NO_PUBKEY|not signed|EXPKEYSIG|signatures? (?:couldn't|were invalid)|Sub-process .*gpgv", said):
            raise EmulationError(
                f"apt cannot verify {SUITE}, for its keys are missing here: apt-get install debian-archive-keyring"
            )
        if re.search(r"\b404\b|does not have a Release file", said):
            return False
        raise EmulationError(f"the Linux source cannot be fetched: {_first_error(said)}")

    def newest(self) -> str | None:
        """The source package to take: `PREFERRED` if it is there, else the one of the latest version."""
        names = self._run("apt-cache", "pkgnames", "linux-source-").stdout.split()
        found = {(int(match[1]), int(match[2])): match[0] for name in names if (match := _PACKAGE.fullmatch(name))}
        return PREFERRED if PREFERRED in found.values() else found[max(found)] if found else None

    def package(self, name: str) -> Package:
        """The version of a source package that `download` would get.

        Raises:
            EmulationError: apt has none.
        """
        shown = self._run("apt-cache", "show", "--no-all-versions", name)
        version = re.search(r"(?m)^Version: (\S+)$", shown.stdout)
        if version is None:
            raise EmulationError(f"{name} cannot be downloaded: {_first_error(shown.stderr)}")
        return Package(self, name, version[1])

    def download(self, name: str, version: str, report: Report) -> Source:
        """The tarball of a source package; see `Package.fetch`."""
        report(f"downloading {name} (about 170 MB)")
        got = self._run("apt-get", "download", f"{name}={version}")
        packages = sorted(self._folder.glob(f"{name}_*.deb"))
        if got.returncode != 0 or not packages:
            raise EmulationError(f"{name} cannot be downloaded: {_first_error(got.stderr + got.stdout)}")
        unpacked = self._run("dpkg-deb", "--extract", str(packages[-1]), str(self._folder / "package"))
        if unpacked.returncode != 0:  # a full disk, for example, which leaves a part of the tarball
            said = one_line(unpacked.stderr.strip().rpartition("\n")[2])
            raise EmulationError(f"{name} cannot be unpacked: {said}")
        packages[-1].unlink()
        tarballs = sorted((self._folder / "package/usr/src").glob("linux-source-*.tar.*"))
        if not tarballs:
            raise EmulationError(f"{name} holds no Linux source; name a tarball with --source TARBALL")
        return Source(tarballs[0], version, name)

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        options = [] if program == "dpkg-deb" else [word for option in self._options for word in ("-o", option)]
        try:
            return subprocess.run(
                [program, *options, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                env={**environment(os.environ), "LC_ALL": "C"},
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
        except FileNotFoundError:
            raise EmulationError(
                f"{program} is missing, which fetches the Linux source: name a tarball with --source TARBALL"
            ) from None


def _first_error(said: str) -> str:
    """The first error in what apt said, on one line, without characters that a terminal would obey."""
    errors = [line for line in said.splitlines() if line.startswith("E:")] or said.splitlines() or ["apt says nothing"]
    return f"{one_line(errors[0].removeprefix('E:'))} (is there a network?)"
