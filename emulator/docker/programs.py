"""This machine's programs to those that a `dockerd` of ours needs: found, tried, and fit for a virtual clock."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where they are looked for."""

_FIXED = {"PATH": PATH}
_SHIM = "containerd-shim-runc-v2"
_NEEDED = ("dockerd", "containerd", _SHIM, "runc")
_THREADS, _ONE_THREAD = b"GOMAXPROCS=4", b"GOMAXPROCS=1"
_CONTROLLERS = ("devices", "memory")
_GUEST = "`gtsdsl kernel build` makes one, `--kernel uml` takes it"


def own(folder: Path) -> Path:
    """The folder with what a daemon is to take instead of programs of the same names, made if it is missing."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    if (found := _iptables()) is not None:
        (folder / "iptables").symlink_to(found)
    if (shim := shutil.which(_SHIM, path=PATH)) is not None and len(os.sched_getaffinity(0)) == 1:
        _keep_shim(Path(shim), folder)
    return folder


def _keep_shim(shim: Path, folder: Path) -> None:
    """A copy of containerd's shim that runs Go on one thread, for a machine with one CPU.

    containerd and the shim itself ask for several, whatever the machine. On one CPU, Go's garbage collector then waits
    for a sweeping thread by spinning (`runtime.bgsweep` in Go 1.19) until a tick of the clock makes room for that one.
    A virtual clock does not tick for who computes: it would stand still for ever. The shim asks by a word that is
    written in its program.
    """
    copy = folder / "one-thread" / _SHIM
    copy.parent.mkdir()
    copy.write_bytes(shim.read_bytes().replace(_THREADS, _ONE_THREAD))
    script = folder / _SHIM
    script.write_text(f'#!/bin/sh\nexport {_ONE_THREAD.decode()}\nexec {shlex.quote(str(copy))} "$@"\n')
    for program in (copy, script):
        program.chmod(0o755)


@cache
def version() -> str:
    """The version of this machine's `dockerd`, as ``20.10.24``; empty if there is none that works."""
    program = shutil.which("dockerd", path=PATH)
    if program is None:
        return ""
    said = subprocess.run([program, "--version"], env=_FIXED, capture_output=True, text=True, check=False).stdout
    found = re.search(r"version (\d+(?:\.\d+)*)", said)
    return found[1] if found else ""


def lacks() -> Iterator[str]:
    """What this machine or its kernel lacks for a `dockerd` of ours, a sentence each, with what mends it."""
    missing = [name for name in _NEEDED if shutil.which(name, path=PATH) is None]
    if missing:
        yield f"{', '.join(missing)} missing: `apt-get install docker.io`"
    if not _is_root():
        yield f"Docker needs the rights of root, which everybody has in a guest kernel: {_GUEST}"
        return  # else nothing of the kernel can be seen
    if absent := [name for name in _CONTROLLERS if not _has_controller(name)]:
        yield f"Docker needs control groups for {' and '.join(absent)}, which are not mounted here: {_GUEST}"
    if _iptables() is None:
        if shutil.which("iptables", path=PATH) is None:
            yield "iptables is missing, which Docker needs: `apt-get install iptables`"
        else:
            yield f"this kernel has no address translation (nat) for iptables, which Docker needs: {_GUEST}"


def _is_root() -> bool:
    """Whether this process is the machine's root: the one of a user namespace has too little power for containers."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]


def _has_controller(name: str) -> bool:
    groups = Path("/sys/fs/cgroup")
    if (groups / "cgroup.controllers").exists():  # version 2, where devices are not a controller
        return name == "devices" or name in (groups / "cgroup.controllers").read_text().split()
    return (groups / name / "tasks").exists()


@cache
def _iptables() -> Path | None:
    """The `iptables` of this machine that works with this kernel: with its tables of old, or with nftables."""
    for name in ("iptables", "iptables-nft", "iptables-legacy"):
        if (found := shutil.which(name, path=PATH)) is not None:
            # in a namespace of its own, so that no table is made in this one
            line = ["unshare", "--net", found, "--wait", "--table", "nat", "--list-rules"]
            if subprocess.run(line, env=_FIXED, capture_output=True, check=False).returncode == 0:
                return Path(found)
    return None
