"""The programs of this machine that a `dockerd` in an emulation needs, and variants of them for a virtual clock."""

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
"""The folders that programs are searched in."""

_ENVIRONMENT = {"PATH": PATH}
_SHIM = "containerd-shim-runc-v2"
_REQUIRED = ("dockerd", "containerd", _SHIM, "runc")
_THREADS, _ONE_THREAD = b"GOMAXPROCS=4", b"GOMAXPROCS=1"
# dockerd starts `containerd --config FILE …`, and has just written the file. Its version decides how plugins are named.
_QUIET_CONTAINERD = """\
#!/bin/sh
if [ "$1" = --config ]; then
    name=scheduler
    if grep -q '^version = [23]' "$2"; then name='"io.containerd.gc.v1.scheduler"'; fi
    printf '\\n[plugins.%s]\\n  pause_threshold = 0.0\\n' "$name" >> "$2"
fi
exec CONTAINERD "$@"
"""
_CONTROLLERS = ("devices", "memory")
_GUEST = "build one with `gtsdsl kernel build`, then add `--kernel uml`"


def replacements(folder: Path) -> Path:
    """Return a folder with programs that a daemon must prefer to others of the same names; make it if it is missing."""
    if folder.exists():
        return folder
    folder.mkdir(parents=True)
    if (iptables := working_iptables()) is not None:
        (folder / "iptables").symlink_to(iptables)
    if (containerd := shutil.which("containerd", path=PATH)) is not None:
        _write_quiet_containerd(containerd, folder)
    if (shim := shutil.which(_SHIM, path=PATH)) is not None and len(os.sched_getaffinity(0)) == 1:
        _write_one_thread_shim(Path(shim), folder)
    return folder


def _write_quiet_containerd(containerd: str, folder: Path) -> None:
    """Write a script that runs containerd with a setting that dockerd, which starts it, cannot pass on.

    containerd collects its garbage again after 49 times the time that the last collection took. In a virtual clock,
    this is no time, and the collector would run at each tick. Without ``pause_threshold`` it runs at most each second.
    """
    script = folder / "containerd"
    script.write_text(_QUIET_CONTAINERD.replace("CONTAINERD", shlex.quote(containerd)))
    script.chmod(0o755)


def _write_one_thread_shim(shim: Path, folder: Path) -> None:
    """Write a copy of containerd's shim that runs Go on one thread, for a machine with one CPU.

    containerd starts the shim with several threads on every machine. On one CPU, Go's garbage collector then spins
    until its sweeping thread has run (`runtime.bgsweep` in Go 1.19), which needs a tick of the clock. A virtual clock
    does not tick while a process computes, so clock and shim would wait for each other forever. The shim's program
    contains the number of threads as text, and the copy has another number.
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
    """Return the version of this machine's `dockerd`, such as ``20.10.24``; empty if it is missing or does not work."""
    program = shutil.which("dockerd", path=PATH)
    if program is None:
        return ""
    done = subprocess.run([program, "--version"], env=_ENVIRONMENT, capture_output=True, text=True, check=False)
    match = re.search(r"version (\d+(?:\.\d+)*)", done.stdout)
    return match[1] if match else ""


def lacks() -> Iterator[str]:
    """Yield a sentence for each thing that a `dockerd` lacks on this machine or in its kernel, with the remedy."""
    missing = [name for name in _REQUIRED if shutil.which(name, path=PATH) is None]
    if missing:
        yield f"{', '.join(missing)} missing: `apt-get install docker.io`"
    if not _is_root():
        yield f"Docker needs root, which every user is in a guest kernel: {_GUEST}"
        return  # the following checks need root, too
    if absent := [name for name in _CONTROLLERS if not _has_controller(name)]:
        names = " and ".join(absent)
        yield f"Docker needs control groups for {names}, which are not mounted; a guest kernel has them: {_GUEST}"
    if working_iptables() is None:
        if shutil.which("iptables", path=PATH) is None:
            yield "iptables is missing, which Docker needs: `apt-get install iptables`"
        else:
            yield f"this kernel lacks the nat table of iptables, which Docker needs; a guest kernel has it: {_GUEST}"


def _is_root() -> bool:
    """Return whether this process is root in the first user namespace; in another one, containers cannot be made."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == ["0", "0", str(2**32 - 1)]


def _has_controller(name: str) -> bool:
    groups = Path("/sys/fs/cgroup")
    if (groups / "cgroup.controllers").exists():  # version 2 of control groups, which has no controller for devices
        return name == "devices" or name in (groups / "cgroup.controllers").read_text().split()
    return (groups / name / "tasks").exists()


@cache
def working_iptables() -> Path | None:
    """Return the `iptables` of this machine that works with this kernel: that of nftables, or the legacy one."""
    for name in ("iptables", "iptables-nft", "iptables-legacy"):
        if (path := shutil.which(name, path=PATH)) is not None:
            # in a new namespace, because the command makes a table
            line = ["unshare", "--net", path, "--wait", "--table", "nat", "--list-rules"]
            if subprocess.run(line, env=_ENVIRONMENT, capture_output=True, check=False).returncode == 0:
                return Path(path)
    return None
