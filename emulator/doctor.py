"""This machine to a list of what it can do, what each thing lacks, and the one command that mends it."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emulator.errors import EmulationError
from emulator.kernel.build import installing, missing_tools
from emulator.kernel.cache import PACKAGED_FROM, built_kernels, packaged_kernel
from emulator.kernel.choose import host_lacks
from emulator.kernel.confine import landlock_version, unconfined
from emulator.programs import OPEN_VSWITCH, find_program
from emulator.user_namespace import opening_command


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
    """What this machine can do; looks, and changes nothing."""
    return tuple(_findings())


def can_emulate(findings: tuple[Finding, ...]) -> bool:
    """Whether there is some way to run a network: a kernel, and what networks are made with."""
    has_kernel = any(finding.works for finding in findings if finding.runs_networks)
    return has_kernel and all(finding.works for finding in findings if finding.name in _NEEDED)


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
        "xterm", ("xterm", "xhost"), "open terminals on hosts, on the host's kernel", "xterm x11-xserver-utils"
    )


def _kernels() -> Iterator[Finding]:
    is_x86 = platform.machine() == "x86_64"
    only = f"it runs on x86-64, not on {platform.machine()}"
    try:
        built, lacking = built_kernels(), "exact delays without root, on any machine, in ten minutes"
    except EmulationError as error:
        built, lacking = (), str(error)
    yield Finding(
        "guest kernel, built",
        bool(built),
        f"Linux {built[0].version}: virtual, skip and real clock" if built else lacking if is_x86 else only,
        "" if built or not is_x86 else "gtsdsl kernel build",
        runs_networks=True,
    )
    packaged = packaged_kernel()
    yield Finding(
        "guest kernel, Debian's",
        packaged is not None,
        f"Linux {packaged.version}: real clock only" if packaged
        else "a network at once, without root, in the real clock" if is_x86 else only,
        "" if packaged or not is_x86 else PACKAGED_FROM,
        runs_networks=True,
    )  # fmt: skip
    lacks = host_lacks()
    yield Finding(
        "this machine's kernel",
        lacks is None,
        f"Linux {platform.release()}: real clock only" if lacks is None else lacks.what,
        "" if lacks is None else lacks.mend,
        runs_networks=True,
    )


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
    daemon = _programs("Docker", ("dockerd", "docker"), "run real containers in hosts", "docker.io")
    if daemon.works:
        return Finding("Docker", True, "installed; an emulation runs daemons of its own, never yours")
    return daemon
