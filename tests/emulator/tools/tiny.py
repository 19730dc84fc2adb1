"""A small tool in C, whose build takes a second: it answers to `-V`, and does nothing."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from emulator.system.files import sha256_of
from emulator.tools.recipes import NETPERF, Recipe, SourceFile

PROGRAM = "gtsdsl-tiny"
"""The name of the program, which no other program of this machine has."""
MAIN = '#include <stdio.h>\nint main(void) { puts("Tiny version 1.2.2"); return 0; }\n'
PATCH = """--- a/main.c
+++ b/main.c
@@ -1,2 +1,2 @@
 #include <stdio.h>
-int main(void) { puts("Tiny version 1.2.2"); return 0; }
+int main(void) { puts("Tiny version 1.2.3"); return 0; }
"""


def tiny_recipe(folder: Path, main: str = MAIN, patch: str = PATCH) -> Recipe:
    """Write the source files of the tool into a folder, and return its recipe."""
    folder.mkdir(exist_ok=True)
    original, changes = folder / "tiny.orig.tar.xz", folder / "tiny.debian.tar.xz"
    _write(original, {"tiny-1.2.2/main.c": main})
    _write(changes, {"debian/patches/series": "version.patch\n", "debian/patches/version.patch": patch})
    return replace(
        NETPERF,
        name="tiny",
        version="1.2.3",
        original=SourceFile(original.name, sha256_of(original)),
        changes=SourceFile(changes.name, sha256_of(changes)),
        steps=(("gcc", "-o", PROGRAM, "main.c"),),
        programs=(PROGRAM,),
        needs=(("gcc", "gcc"), ("patch", "patch"), ("tar", "tar"), ("xz", "xz-utils")),
        answer="Tiny version 1.2.3",
        free_from=(1, 2),
    )


def _write(path: Path, contents: Mapping[str, str]) -> None:
    with tarfile.open(path, "w:xz") as archive:
        for name, text in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
