"""A stranger's folder: topologies beside traps, which are modules and programs that report when they run."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.emulator.samples import PAIR

RAN = "HIJACKED"
"""The word that a trap prints, and the name of the file that it leaves, when it runs."""

SWITCHED = """Star {
  id = "Star"
  vsi { id = "s1"; port { id = "p1" }; port { id = "p2" } }
  host { id = "h1"; port { id = "p" } }
  host { id = "h2"; port { id = "p" } }
  link { id = "l1"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
  link { id = "l2"; delay = "1ms"; port { id = "src" }; port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency s1.p1, l1.dst
  adjacency h2.p, l2.src
  adjacency s1.p2, l2.dst
}
"""

_MODULE = f"""import os
os.write(2, b"{RAN}: " + __file__.encode() + b"\\n")
os.close(os.open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "{RAN}"), os.O_CREAT))
"""
_FURTHER_MODULES = ("sitecustomize", "usercustomize", "gtsdsl", "emulator", "tests")
_FURTHER_PROGRAMS = (
    "python",
    "python3",
    "gtsdsl",
    "linux",
    "linux.uml",
    "bird",
    "etcd",
    "flanneld",
    "gcc",
    "make",
    "apt-get",
)
_CONFIGURATION = {
    "evil.pth": "import os; os.write(2, b'HIJACKED: evil.pth')\n",
    "pyvenv.cfg": "home = .\n",
    ".bashrc": f"echo {RAN}: .bashrc >&2\n",
    ".profile": f"echo {RAN}: .profile >&2\n",
    "GNUmakefile": f"$(error {RAN}: GNUmakefile)\n",
}


def make_folder(folder: Path) -> None:
    """Fill a folder with two topologies, and with a trap for each known module and program."""
    (folder / "pair.dsl").write_text(PAIR, encoding="utf-8")
    (folder / "switched.dsl").write_text(SWITCHED, encoding="utf-8")
    for name in {*sys.stdlib_module_names, *_installed_modules(), *_FURTHER_MODULES}:
        (folder / f"{name}.py").write_text(_MODULE, encoding="utf-8")
        package = folder / name  # comes before the module of its name
        if name in _FURTHER_MODULES or not shutil.which(name):
            package.mkdir()
            (package / "__init__.py").write_text(_MODULE, encoding="utf-8")
    trap = folder / "trap-of-all-names"
    left = shlex.quote(str(folder / RAN))
    trap.write_text(f'#!/bin/sh\necho "{RAN}: $0" >&2\n: > {left}\nexit 99\n', encoding="utf-8")
    trap.chmod(0o755)
    for name in {*_programs(), *_FURTHER_PROGRAMS}:
        if not (folder / name).exists():
            (folder / name).hardlink_to(trap)
    for name, text in _CONFIGURATION.items():
        (folder / name).write_text(text, encoding="utf-8")


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a careless user, whose ``PATH`` begins with the working folder, by two names."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**own, "PATH": f":.:./bin:{os.environ['PATH']}:", "HOME": str(Path.home()), **more}


def run(folder: Path, *command: str, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder, as its careless user."""
    return subprocess.run(
        command, cwd=folder, env=environment(**more), input=stdin, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


def console_script() -> str:
    """Return the path of the installed command `gtsdsl`."""
    return str(Path(sys.executable).with_name("gtsdsl"))


def _installed_modules() -> Iterator[str]:
    """Yield the modules of all installed packages."""
    for place in map(Path, sys.path):
        if place.name.endswith("-packages"):
            for path in place.iterdir():
                if (path / "__init__.py").exists() or path.suffix == ".py":
                    yield path.stem


def _programs() -> Iterator[str]:
    """Yield the names of all programs of this machine."""
    for place in [*os.environ["PATH"].split(os.pathsep), "/usr/sbin", "/sbin"]:
        if Path(place).is_dir():
            yield from (path.name for path in Path(place).iterdir())
