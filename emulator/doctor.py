"""The report on this machine: the parts that emulations use, those that are missing, and the commands that add them."""

from __future__ import annotations

import importlib.util
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from emulator.kernel.build import missing_tools
from emulator.kernel.cache import PACKAGED_FROM, Kernel, built_kernels, packaged_kernel
from emulator.kernel.choose import native_lacks
from emulator.kernel.confine import landlock_version, unconfined
from emulator.kernel.verdict import Lack, refusal
from emulator.system.errors import EmulationError, UntrustedError
from emulator.system.programs import OPEN_VSWITCH, find_program, installing
from emulator.system.user_namespace import opening_command
from emulator.tools.choice import used_tool
from emulator.tools.recipes import NETPERF
from emulator.workloads.rtsp.installation import installation


@dataclass(frozen=True, slots=True)
class Ability:
    """A part that emulations use, and whether this machine has it."""

    name: str
    works: bool
    detail: str
    """The version or abilities of a part that works; else the reason why it does not work, and its purpose."""
    mend: str = ""
    """The command that makes the part work; empty where the part works, or where no command helps."""
    runs_networks: bool = False
    """Whether the part is a kernel that networks can run in. One such kernel is enough."""


def examine() -> tuple[Ability, ...]:
    """Return the abilities of this machine.

    A guest kernel that has not run on this machine before is booted, and the system's Python is asked for GStreamer;
    nothing else is started or changed.
    """
    return tuple(_abilities())


def can_emulate(abilities: tuple[Ability, ...]) -> bool:
    """Return whether the abilities are all that a network needs: one kernel that works, Mininet and util-linux."""
    has_kernel = any(ability.works for ability in abilities if ability.runs_networks)
    return has_kernel and all(ability.works for ability in abilities if ability.name in _NEEDED)


_BUILD = "gtsdsl kernel build"
_NEEDED = frozenset({"mininet", "util-linux"})


def _abilities() -> Iterator[Ability]:
    yield from _kernels()
    yield _user_namespaces()
    version = landlock_version()
    state = f"guests are confined (interface {version})" if version else "missing; Linux 5.13 has it, with lsm=landlock"
    gap = unconfined(version)
    yield Ability("Landlock", version > 0, f"{state}; but {gap}" if gap else state)
    yield _module("mininet", "mininet.net", "run networks", "pip install 'gtsdsl[emulation]'")
    yield _programs("util-linux", ("nsenter", "unshare", "setsid", "mount"), "enter hosts", "util-linux mount")
    yield _programs("Open vSwitch", OPEN_VSWITCH, "run switches (or use --switch bridge)", "openvswitch-switch")
    yield _build_tools()
    yield _docker()
    yield _programs("nftables", ("nft",), "enforce network policies", "nftables")
    yield _programs("etcd", ("etcd",), "store the state of overlays", "etcd-server")
    programs = ("nebula", "nebula-cert", "ssh", "ssh-keygen")
    yield _programs("Nebula", programs, "run the overlay nebula", "nebula openssh-client")
    yield _programs("BIRD", ("bird",), "route between hosts (--routing, and the overlay calico)", "bird2")
    yield _programs("ping", ("ping",), "see whether hosts answer", "iputils-ping")
    yield _programs("iproute2", ("ip", "tc"), "show interfaces and queues", "iproute2")
    yield _programs("iperf", ("iperf",), "measure throughput in benchmarks", "iperf")
    yield _programs("iperf3", ("iperf3",), "measure throughput", "iperf3")
    yield _netperf()
    yield _streaming()
    yield _programs("ffmpeg", ("ffmpeg",), "encode the video that benchmarks stream", "ffmpeg")
    yield _programs(
        "xterm", ("xterm", "xhost"), "open terminals on hosts, on this machine's kernel", "xterm x11-xserver-utils"
    )


def _kernels() -> Iterator[Ability]:
    try:
        built, missing = built_kernels(), Lack("missing; for exact delays, without root (builds in minutes)", _BUILD)
    except UntrustedError as error:
        built, missing = (), Lack(error.what, error.mend)
    except EmulationError as error:  # the cache cannot be read, or the user has no folder for it
        built, missing = (), Lack(str(error), "")
    yield _guest("guest kernel, built", built, "virtual, skip and real clock", missing)
    packaged = packaged_kernel()
    missing = Lack("missing; for the real clock, without root or a build", PACKAGED_FROM)
    yield _guest("guest kernel, Debian's", (packaged,) if packaged else (), "real clock only", missing)
    lacks = native_lacks()
    yield Ability(
        "native kernel",
        lacks is None,
        f"Linux {platform.release()}: real clock only" if lacks is None else lacks.what,
        "" if lacks is None else lacks.mend,
        runs_networks=True,
    )


def _guest(name: str, kernels: Sequence[Kernel], clocks: str, missing: Lack) -> Ability:
    """Return the guest kernels as an ability: the first one that runs, else the reason why the first does not run."""
    if platform.machine() != "x86_64":
        return Ability(name, False, f"needs an x86-64 processor, not {platform.machine()}", runs_networks=True)
    lacks = []
    for kernel in kernels:
        lack = refusal(kernel, again=True)
        if lack is None:
            return Ability(name, True, f"Linux {kernel.version}: {clocks}", runs_networks=True)
        lacks.append(Lack(f"Linux {kernel.version} does not run here: {lack.what}", lack.mend))
    lack = lacks[0] if lacks else missing
    return Ability(name, False, lack.what, lack.mend, runs_networks=True)


def _user_namespaces() -> Ability:
    name = "user namespaces"
    if mend := opening_command():
        return Ability(name, False, "this machine's kernel does not let ordinary users make networks", mend)
    if not Path("/proc/self/ns/user").exists():
        return Ability(name, False, "this machine's kernel does not have them")
    return Ability(name, True, "ordinary users may make networks in this machine's kernel")


def _build_tools() -> Ability:
    if missing := missing_tools():
        detail = f"{', '.join(missing)} missing; needed to build the guest kernel"
        return Ability("kernel tools", False, detail, installing(missing))
    return Ability("kernel tools", True, "installed")


def _module(name: str, module: str, purpose: str, mend: str) -> Ability:
    try:
        found = importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    return Ability(name, found, "installed" if found else f"missing; needed to {purpose}", "" if found else mend)


def _programs(name: str, programs: tuple[str, ...], purpose: str, packages: str) -> Ability:
    missing = [program for program in programs if find_program(program) is None]
    if missing:
        return Ability(name, False, f"{', '.join(missing)} missing; needed to {purpose}", f"apt-get install {packages}")
    return Ability(name, True, "installed")


def _netperf() -> Ability:
    try:
        used, mend = used_tool(NETPERF), f"gtsdsl tools build {NETPERF.name}"
    except UntrustedError as error:
        return Ability("netperf", False, error.what, error.mend)
    except EmulationError as error:  # the user has no folder for built tools
        return Ability("netperf", False, str(error))
    if used is None:
        return Ability("netperf", False, "missing; needed to measure round trips as the study did", mend)
    return Ability("netperf", True, used.version)


def _streaming() -> Ability:
    found = installation()
    if found.missing:
        detail = f"{', '.join(found.missing)} missing; needed to stream video in benchmarks"
        return Ability("RTSP server", False, detail, f"apt-get install {' '.join(found.missing)}")
    return Ability("RTSP server", True, f"GStreamer {found.version}")


def _docker() -> Ability:
    daemon = _programs("Docker", ("dockerd", "containerd", "runc"), "run real containers in hosts", "docker.io")
    if daemon.works:
        return Ability("Docker", True, "installed; an emulation starts its own daemons, and does not use yours")
    return daemon
