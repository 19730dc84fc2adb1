"""Find other programs and start them: search folders, environment, and an isolated Python.

The working folder may be a stranger's, so no file in it runs because of its name.
"""

from __future__ import annotations

import os
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from emulator.system.errors import EmulationError

OPEN_VSWITCH = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl")
"""The programs that an Open vSwitch consists of."""
SYSTEM_FOLDERS = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""The folders of `ip` and `tc`, which an ordinary user's ``PATH`` leaves out."""

_ROOT = Path(__file__).resolve().parents[2]


def find_program(name: str) -> str | None:
    """Return the path of a program in the user's ``PATH`` or the system's folders; None if it is missing."""
    return shutil.which(name, path=os.pathsep.join(search_folders(os.environ)))


def printed_version(program: str, option: str, pattern: str | re.Pattern[str]) -> re.Match[str] | None:
    """Run a program with the option that prints its version, and search a pattern in what it prints.

    Return the match; None if the program is missing, or prints nothing that matches.
    """
    path = find_program(program)
    if path is None:
        return None
    done = subprocess.run(
        [path, option], env=environment(os.environ), stdin=subprocess.DEVNULL, cwd="/",
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    return re.search(pattern, done.stdout + done.stderr)


def missing_programs(packages: Mapping[str, str]) -> dict[str, str]:
    """Return those programs that are missing, each with its Debian package; ``packages`` has the package of each."""
    return {name: package for name, package in packages.items() if find_program(name) is None}


def installing(missing: Mapping[str, str]) -> str:
    """Return the command that installs what is missing, from the Debian package of each."""
    return f"apt-get install {' '.join(sorted(set(missing.values())))}"


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """Return ``own``, an environment for a program, with absolute folders only in ``PATH`` and ``LD_LIBRARY_PATH``.

    An empty or relative entry would stand for a folder of the working folder. ``PATH`` gets the system's folders at its
    end.
    """
    changed = {"PATH": os.pathsep.join(search_folders(own))}
    if "LD_LIBRARY_PATH" in own:
        changed["LD_LIBRARY_PATH"] = os.pathsep.join(absolute_folders(own["LD_LIBRARY_PATH"]))
    return {**own, **changed}


def python_command(*arguments: str, is_bare: bool = False) -> tuple[str, ...]:
    """Return a command that runs the Python of this process, isolated.

    An isolated Python (``-I``) searches neither the working folder nor the folders of ``PYTHON*`` variables.
    ``is_bare`` leaves out the installed packages too, because looking for them takes time.

    Raises:
        EmulationError: this process does not know its own Python.
    """
    if not sys.executable:
        raise EmulationError("the path of this Python is unknown: start gtsdsl by its full path")
    return (sys.executable, "-I", *(["-S"] if is_bare else []), *arguments)


def python_script(module: str, function: str, arguments: Mapping[str, object], *, is_bare: bool = False) -> str:
    """Return a script for an isolated Python that calls a function of this project and exits with its result.

    ``arguments`` are strings, numbers, and lists and dictionaries of them, because `repr` writes those as Python reads
    them. A script that is not bare finds the packages that this process finds in the user's folders.
    """
    folders, addition = [str(_ROOT)], []
    if not is_bare:
        folders += absolute_folders(os.environ.get("PYTHONPATH", ""))
        if site.ENABLE_USER_SITE:
            addition = ["import site", f"site.addsitedir({site.getusersitepackages()!r})"]
    lines = ["import sys", f"sys.path[:0] = {folders!r}", *addition, f"from {module} import {function}"]
    return "\n".join([*lines, f"sys.exit({function}(**{dict(arguments)!r}))", ""])


def search_folders(own: Mapping[str, str]) -> list[str]:
    """Return the folders in which a program is searched by its name, in the order of the search."""
    folders = absolute_folders(own.get("PATH", "")) or os.defpath.split(os.pathsep)
    return list(dict.fromkeys([*folders, *SYSTEM_FOLDERS]))


def absolute_folders(path: str) -> list[str]:
    """Return the absolute folders of a search path."""
    return [folder for folder in path.split(os.pathsep) if folder.startswith("/")]
