"""The agents that gtsdsl can build, each with its sources and the command that builds it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from emulator.system.errors import OverlayError
from gtsdsl.text import nearest_or_all, printable

_SOURCES = Path(__file__).with_name("sources")


@dataclass(frozen=True, slots=True)
class Recipe:
    """The build of an agent by Go, and the marks by which a program is recognised as the agent.

    ``overlay`` is the overlay that the agent runs, ``program`` the program's name. ``package`` is the Go package, whose
    version go.mod and go.sum in the folder ``sources`` pin, with the hashes of all modules; the folder may hold modules
    that replace others. ``go`` is the least version of Go.
    ``without`` names the parts of the agent that the build leaves out; empty if it is whole. ``options`` are options
    that gtsdsl starts the program with, which the program's help must therefore have.
    """

    overlay: str
    program: str
    version: str
    package: str
    linker_flags: str
    go: tuple[int, int]
    without: str
    options: tuple[str, ...]
    sources: Path

    def files(self) -> tuple[Path, ...]:
        """Return the files of the sources, in a fixed order."""
        return tuple(sorted(path for path in self.sources.rglob("*") if path.is_file()))

    def digest(self) -> str:
        """Return a hash of the sources and of the command; a built agent with another hash is out of date."""
        digest = hashlib.sha256(repr((self.version, self.package, self.linker_flags)).encode())
        for path in self.files():
            digest.update(f"\0{path.relative_to(self.sources)}\0".encode() + path.read_bytes())
        return digest.hexdigest()[:12]


_FLANNEL = "github.com/flannel-io/flannel"
_FLANNEL_VERSION = "0.28.10"

RECIPES = {
    "flannel": Recipe(
        overlay="flannel",
        program="flanneld",
        version=_FLANNEL_VERSION,
        package=_FLANNEL,
        linker_flags=f"-s -w -X {_FLANNEL}/pkg/version.Version=v{_FLANNEL_VERSION}",
        go=(1, 26),
        without="tencent-vpc",
        options=("-etcd-endpoints", "-iface", "-ip-masq", "-public-ip", "-subnet-file"),
        sources=_SOURCES / "flannel",
    ),
}
"""The recipe of each overlay whose agent can be built."""


def recipe_of(overlay: str) -> Recipe:
    """Return the recipe for an overlay's agent.

    Raises:
        OverlayError: no agent of this name can be built.
    """
    if overlay not in RECIPES:
        near = nearest_or_all(overlay, list(RECIPES))
        raise OverlayError(f"no agent is called {printable(overlay, 40)}; {near}")
    return RECIPES[overlay]
