"""The origin of a benchmark's results: the time, gtsdsl's version and commit, this machine."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path

from emulator.bench.results import Machine, Origin, Topology
from emulator.system.machine import processor, system
from emulator.system.programs import environment, find_program
from gtsdsl import __version__
from gtsdsl.circuits import Circuits, to_json
from gtsdsl.model.testbed import Testbed
from gtsdsl.targets import compile_to

_ROOT = Path(__file__).resolve().parents[2]
_OF_A_REPOSITORY = frozenset({"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY"})
"""Variables that git sets for its hooks, and that would name the hook's repository in place of the folder's."""


def origin() -> Origin:
    """Return the origin of a benchmark that starts now on this machine."""
    now = datetime.datetime.now(datetime.UTC)
    return Origin(now.strftime("%Y-%m-%dT%H:%M:%SZ"), __version__, commit(_ROOT), machine())


def machine() -> Machine:
    """Return what this machine is; a processor or a system that has no name is named by its kind."""
    return Machine(
        processor=processor(),
        processors=os.cpu_count() or 1,
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        system=system(),
    )


def commit(folder: Path) -> str | None:
    """Return the commit of a checkout, with ``-dirty`` if files were changed; None if the folder is no checkout."""
    git = find_program("git")
    if git is None or not (folder / ".git").exists():  # a folder above it may be a checkout of something else
        return None
    command = [git, "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    own = {name: value for name, value in os.environ.items() if name not in _OF_A_REPOSITORY}
    done = subprocess.run(command, env=environment(own), capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def topology(testbed: Testbed, custom: Circuits | None) -> Topology:
    """Return a testbed as it stands in results; ``custom`` are the user's own circuits and sites."""
    own = None if custom is None else to_json(custom.circuits.values(), custom.sites.values())
    return Topology(testbed.id, compile_to(testbed, "gts-json"), own)
