"""This machine to a list of what it can do, what each thing lacks, and the one command that mends it."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.kernel.build import installing, missing_tools
from emulator.kernel.cache import PACKAGED_FROM, Kernel, built_kernels, packaged_kernel
from emulator.kernel.choose import native_lacks
from emulator.kernel.confine import landlock_version, unconfined
from emulator.kernel.verdict import Lack, refusal
from emulator.system.errors import EmulationError, UntrustedError
from emulator.system.programs import OPEN_VSWITCH, find_program
from emulator.system.user_namespace import opening_command


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a machine can do or cannot.

    ``runs_networks``: with this alone, an emulation can run. ``detail`` says what is there, or what is missing and what
    for; ``mend`` is the command that mends it, empty where nothing is to be mended or nothing can.
    """

    name: str
    works: bool
    detail: str
    mend: str = ""
    runs_networks: bool = False


def examine() -> tuple[Finding, ...]:
    """What this machine can do; each guest kernel is booted that has not run here before, and nothing is changed."""
    return tuple(_findings())


def can_emulate(findings: tuple[Finding, ...]) -> bool:
    """Whether there is some way to run a network: a kernel, and what networks are made with."""
    has_kernel = any(finding.works for finding in findings if finding.runs_networks)
    return has_kernel and all(finding.works for finding in findings if finding.name in _NEEDED)


_BUILD = "gtsdsl kernel build"
_NEEDED = frozenset({"mininet", "util-linux"})


def _findings() -> Iterator[Finding]:
    yield from _kernels()
    yield _user_namespaces()
    version = landlock_version()
    said = f"guests are confined (interface {version})" if version else "in Linux 5.13 and later, by lsm=landlock,…"
    open_to_guests = unconfined(version)
    yield Finding("Landlock", version > 0, f"{said}; but {open_to_guests}" if open_to_guests else said)
    yield _module("mininet", "mininet.net", "the API of networks", "pip install 'gtsdsl[emulation]'")
    yield _programs("util-linux", ("nsenter", "unshare", "setsid", "mount"), "enter hosts", "util-linux mount")
    yield _programs("Open vSwitch", OPEN_VSWITCH, "switches; or take --switch bridge", "openvswitch-switch")
    yield _build_tools()
    yield _docker()
    yield _programs("etcd", ("etcd",), "hold overlays' state", "etcd-server")
    yield _programs("ping", ("ping",), "look whether hosts answer", "iputils-ping")
    yield _programs("iproute2", ("ip", "tc"), "look at interfaces and queues", "iproute2")
    yield _programs("iperf3", ("iperf3",), "measure throughput", "iperf3")
    yield _programs("netperf", ("netperf",), "measure round trips of transactions, as the study did", "netperf")
    yield _programs(
        "xterm", ("xterm", "xhost"), "open terminals on hosts, on this machine's kernel", "xterm x11-xserver-utils"
    )


def _kernels() -> Iterator[Finding]:
    try:
        built, lacking = built_kernels(), Lack("exact delays without root, on any machine, in some minutes", _BUILD)
    except UntrustedError as error:
        built, lacking = (), Lack(error.what, error.mend)
    except EmulationError as error:  # the cache cannot be read, or has no place: the message says what to do
        built, lacking = (), Lack(str(error), "")
    yield _guest("guest kernel, built", built, "virtual, skip and real clock", lacking)
    packaged = packaged_kernel()
    lacking = Lack("a network at once, without root, in the real clock", PACKAGED_FROM)
    yield _guest("guest kernel, Debian's", (packaged,) if packaged else (), "real clock only", lacking)
    lacks = native_lacks()
    yield Finding(
        "this machine's kernel",
        lacks is None,
        f"Linux {platform.release()}: real clock only" if lacks is None else lacks.what,
        "" if lacks is None else lacks.mend,
        runs_networks=True,
    )


def _guest(name: str, kernels: Sequence[Kernel], clocks: str, missing: Lack) -> Finding:
    """What there is to say of the first guest kernel that runs, or of why the first of all does not."""
    if platform.machine() != "x86_64":
        return Finding(name, False, f"it runs on x86-64, not on {platform.machine()}", runs_networks=True)
    lacks = []
    for kernel in kernels:
        lack = refusal(kernel, again=True)
        if lack is None:
            return Finding(name, True, f"Linux {kernel.version}: {clocks}", runs_networks=True)
        lacks.append(Lack(f"Linux {kernel.version} does not run here: {lack.what}", lack.mend))
    lack = lacks[0] if lacks else missing
    return Finding(name, False, lack.what, lack.mend, runs_networks=True)


def _user_namespaces() -> Finding:
    name = "user namespaces"
    if mend := opening_command():
        return Finding(name, False, "this machine's kernel takes no network from ordinary users", mend)
    if not Path("/proc/self/ns/user").exists():
        return Finding(name, False, "this kernel has none")
    return Finding(name, True, "ordinary users may make networks in this machine's kernel")


def _build_tools() -> Finding:
    if missing := missing_tools():
        detail = f"{', '.join(missing)} missing; to build the guest kernel"
        return Finding("kernel tools", False, detail, installing(missing))
    return Finding("kernel tools", True, "installed")


def _module(name: str, module: str, purpose: str, mend: str) -> Finding:
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    return Finding(name, found, "installed" if found else f"needed for {purpose}", "" if found else mend)


def _programs(name: str, programs: tuple[str, ...], purpose: str, packages: str) -> Finding:
    missing = [program for program in programs if find_program(program) is None]
    if missing:
        return Finding(name, False, f"{', '.join(missing)} missing; to {purpose}", f"apt-get install {packages}")
    return Finding(name, True, "installed")


def _docker() -> Finding:
    daemon = _programs("Docker", ("dockerd", "containerd", "runc"), "run real containers in hosts", "docker.io")
    if daemon.works:
        return Finding("Docker", True, "installed; an emulation runs daemons of its own, never yours")
    return daemon
