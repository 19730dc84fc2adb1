"""The tools that gtsdsl can build, each with its sources and the commands that build it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from emulator.system.errors import UnknownNameError
from gtsdsl.text import nearest_or_all, printable


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of a source package, and the SHA-256 that pins it."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """The build of a tool from Debian's source package, and the marks by which the tool is recognised.

    ``version`` is the package's, and ``pool`` its folder in Debian's archive. Of its files, a build needs the authors'
    ``original`` and Debian's ``changes``. It does not need the third, the `.dsc`, which some mirrors lack. ``steps``
    are the commands in the folder of the sources, and ``programs`` the paths there that are kept. ``needs`` has the
    Debian package of each program that a build runs. Each program answers ``-V`` with ``answer``.

    ``free_from`` is the first version of the tool with a free licence, in the numbers of the answer.
    """

    name: str
    version: str
    pool: str
    original: SourceFile
    changes: SourceFile
    steps: tuple[tuple[str, ...], ...]
    programs: tuple[str, ...]
    needs: tuple[tuple[str, str], ...]
    answer: str
    free_from: tuple[int, ...]

    @property
    def files(self) -> tuple[SourceFile, SourceFile]:
        """The files that a build needs."""
        return self.original, self.changes

    def digest(self) -> str:
        """Return a hash of the sources and of the steps; a built tool with another hash is out of date."""
        parts = ([file.sha256 for file in self.files], self.steps, self.programs)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:12]


_NETPERF = "2.7.0+git20210121.3bc455b+ds"

NETPERF = Recipe(
    name="netperf",
    version=f"{_NETPERF}-3",
    pool="pool/main/n/netperf",
    original=SourceFile(
        f"netperf_{_NETPERF}.orig.tar.xz", "2c2be1aa92dcf6cc46b1e4a7d10a61d8a6863657c5fc97341373f283b1ae57c2"
    ),
    changes=SourceFile(
        f"netperf_{_NETPERF}-3.debian.tar.xz", "17b2200d8d1f31b0eb0e2126673cf5b085044ea39e17c19ea1f458775a9d8bee"
    ),
    steps=(
        ("autoreconf", "-f", "-i", "-I", "src/missing/m4"),
        # without symbols for debuggers, which have the folder's name and would make other bytes in another folder
        ("./configure", "--enable-demo", "--prefix=/usr", "CFLAGS=-O2"),
        ("make", "-C", "src"),  # without the documentation, which needs TeX
    ),
    programs=("src/netperf", "src/netserver"),
    needs=(
        *(("autoreconf", "autoconf"), ("automake", "automake"), ("libtoolize", "libtool"), ("make", "make")),
        *(("gcc", "gcc"), ("patch", "patch"), ("tar", "tar"), ("xz", "xz-utils")),
    ),
    answer="Netperf version 2.7.1",  # which the sources after 2.7.0 say
    free_from=(2, 7, 1),
)
"""netperf as Debian 13 has it, with MIT's licence; 2.7.0 and before have one for non-commercial use only."""

RECIPES = {NETPERF.name: NETPERF}
"""The recipe of each tool that can be built."""


def recipe_of(name: str) -> Recipe:
    """Return the recipe of a tool.

    Raises:
        UnknownNameError: no tool of this name can be built.
    """
    if name not in RECIPES:
        near = nearest_or_all(name, list(RECIPES))
        raise UnknownNameError(f"no tool is called {printable(name, 40)}; {near}")
    return RECIPES[name]
