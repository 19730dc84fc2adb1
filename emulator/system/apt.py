"""apt of this machine: the archives of Debian in its sources, and its programs.

gtsdsl reads the machine's sources and lists, and never changes them.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.system.errors import EmulationError
from emulator.system.programs import environment
from emulator.system.text import one_line

RETRYING = ("Acquire::Retries=2", "Acquire::http::Timeout=30", "Acquire::https::Timeout=30")
"""Options of apt for a mirror that is slow or away."""

_HELPER = "/usr/lib/apt/apt-helper"
_ALIASES = frozenset({"stable", "testing", "unstable", "sid", "oldstable", "oldoldstable"})


@dataclass(frozen=True, slots=True)
class Archive:
    """A package source of apt, with the fields of its deb822 format."""

    uris: tuple[str, ...]
    options: tuple[tuple[str, str], ...]
    """Options such as Signed-By, copied from the machine's sources, so that the machine's trust holds."""

    def stanza(self, suite: str) -> str:
        """Return the text of the source for apt, with another suite."""
        lines = ["Types: deb", f"URIs: {' '.join(self.uris)}", f"Suites: {suite}", "Components: main"]
        return "\n".join([*lines, *(f"{name}: {value}" for name, value in self.options)]) + "\n"


def own_archives() -> tuple[Archive, ...]:
    """Return those of this machine's sources that hold Debian's main archive; empty on another distribution."""
    return tuple(debian_archives(_release(), _source_files()))


def debian_archives(release: str, files: Iterable[tuple[str, str]]) -> Iterator[Archive]:
    """Yield those of apt's sources that hold Debian's main archive of ``release``; ``files`` are names and texts.

    Only a source whose suite is the release or an alias counts, because third parties have other suites, and the
    security archive has no backports.
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
        # a line that begins with a blank continues the field before, such as a whole key
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
    """Return the code name of this Debian; an empty string on another system."""
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


def run(
    program: str, arguments: Sequence[str], folder: Path, instead: str, options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run a program of apt in a folder, and return how it ended and what it said; ``options`` are apt's (``-o``).

    Raises:
        EmulationError: the program is missing; the message ends with ``instead``, which says what to do.
    """
    words = [word for option in options for word in ("-o", option)]
    try:
        return subprocess.run(
            [program, *words, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            env={**environment(os.environ), "LC_ALL": "C"},
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise EmulationError(f"{program} is missing: {instead}") from None


def download(path: str, sha256: str, target: Path, instead: str) -> None:
    """Download a file of Debian's archive by its path there (``pool/main/…``) from this machine's mirrors.

    apt refuses a file with another hash. The mirrors are tried in the order of the machine's sources.

    Raises:
        EmulationError: no source is Debian's, or no mirror has the file; the message ends with ``instead``.
    """
    mirrors = [uri for archive in own_archives() for uri in archive.uris]
    reason = "this system's apt has no archive of Debian's"
    for uri in dict.fromkeys(mirrors):
        arguments = ["download-file", f"{uri.rstrip('/')}/{path}", str(target), f"SHA256:{sha256}"]
        got = run(_HELPER, arguments, target.parent, instead, RETRYING)
        if got.returncode == 0 and target.exists():
            return
        reason = f"{target.name} cannot be downloaded: {first_error(got.stderr + got.stdout)}"
    raise EmulationError(f"{reason}; {instead}")


def first_error(said: str) -> str:
    """Return the first error in apt's output, on one line, without characters that a terminal would obey."""
    errors = [line for line in said.splitlines() if line.startswith("E:")] or said.splitlines() or ["apt says nothing"]
    return f"{one_line(errors[0].removeprefix('E:'))} (is there a network?)"
