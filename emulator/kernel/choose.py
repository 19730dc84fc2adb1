"""Choose the kernel and the clock of a run, and never replace one that the user asked for."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from emulator.errors import EmulationError, UntrustedError
from emulator.kernel.cache import PACKAGED_FROM, Kernel, built_kernels, packaged_kernel
from emulator.programs import environment, find_program
from emulator.user_namespace import opening_command


class Clock(StrEnum):
    """What a second is in a run."""

    VIRTUAL = "virtual"
    """Work takes no time, and waiting is skipped: what the network does is exact, what it costs is invisible."""
    SKIP = "skip"
    """The guest's work takes as long as it takes, and waiting is skipped."""
    REAL = "real"
    """The machine's."""


class KernelKind(StrEnum):
    """Whose network stack a run uses."""

    HOST = "host"
    UML = "uml"
    PACKAGED = "uml-packaged"


_BUILD = "gtsdsl kernel build"


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a run takes place, and in which clock."""

    kind: KernelKind
    clock: Clock
    kernel: Kernel | None
    """The guest kernel; None on the host's."""


def choose(kernel: str = "auto", clock: str = "auto", *, interactive: bool = False) -> Choice:
    """The kernel and the clock for a run: what the user asked for, or the best that this machine has.

    ``kernel`` is ``auto`` or a `KernelKind`, ``clock`` is ``auto`` or a `Clock`. ``auto`` takes a built guest kernel,
    then the host's, then the packaged guest kernel, each only if it has the clock; the clock is ``virtual`` for what
    ends by itself where the kernel has one, and ``real`` for a person (``interactive``).

    Raises:
        EmulationError: this machine cannot do it; the message says what is missing and what mends it.
    """
    wanted = None if clock == "auto" else Clock(clock)
    if kernel != "auto":
        return _exactly(KernelKind(kernel), wanted, interactive=interactive)
    needs_virtual = wanted in {Clock.VIRTUAL, Clock.SKIP}
    if needs_virtual:
        return _exactly(KernelKind.UML, wanted, interactive=interactive)
    lacking = []
    for kind in KernelKind.UML, KernelKind.HOST, KernelKind.PACKAGED:
        try:
            return _exactly(kind, wanted, interactive=interactive)
        except UntrustedError:
            raise
        except EmulationError as error:
            lacking.append(str(error))
    if platform.machine() != "x86_64":
        raise EmulationError(lacking[1])
    at_once = f"{PACKAGED_FROM} (at once, real clock only)"
    raise EmulationError(f"no kernel to run in: {_BUILD} (ten minutes, exact) or {at_once}")


def guest_kernel(kernel: str = "auto", clock: str = "auto", *, interactive: bool = False) -> tuple[Kernel, Clock]:
    """The kernel and the clock for what has to run in a guest; the arguments are those of `choose`.

    Raises:
        EmulationError: there is no such guest kernel; the message says what mends it.
    """
    kind = kernel
    if kernel == "auto":
        virtual = clock in {Clock.VIRTUAL, Clock.SKIP}
        packaged = not built_kernels() and packaged_kernel() is not None and not virtual
        kind = KernelKind.PACKAGED if packaged else KernelKind.UML
    choice = choose(kind, clock, interactive=interactive)
    if choice.kernel is None:
        raise EmulationError("the host's kernel is no guest: ask for --kernel uml or --kernel uml-packaged")
    return choice.kernel, choice.clock


class Lack(NamedTuple):
    """What is missing, and the command that mends it; empty if none does."""

    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.what}: {self.mend}" if self.mend else self.what


def host_lacks() -> Lack | None:
    """What this host's kernel lacks to run an emulation; None if it lacks nothing."""
    tc = find_program("tc")
    if tc is None:
        return Lack("tc is missing, which tells whether the kernel has netem", "apt-get install iproute2")
    change = [tc, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    # in a namespace of its own, so that nothing of this machine is changed; with a user namespace where we are not root
    is_root = os.geteuid() == 0
    own = ["unshare", "--net"] if is_root else ["unshare", "--user", "--map-root-user", "--net"]
    try:
        entered = subprocess.run([*own, "true"], capture_output=True, env=environment(os.environ), check=False)
        if entered.returncode != 0:
            who = "root, here without CAP_SYS_ADMIN," if is_root else "an ordinary user"
            return Lack(f"{who} may not make namespaces on this machine", "" if is_root else opening_command())
        tried = subprocess.run([*own, *change], capture_output=True, env=environment(os.environ), check=False)
    except FileNotFoundError:
        return Lack("unshare is missing", "apt-get install util-linux")
    if tried.returncode != 0:
        return Lack("this host's kernel has no netem", "modprobe sch_netem")
    return None


def _exactly(kind: KernelKind, clock: Clock | None, *, interactive: bool) -> Choice:
    if kind is KernelKind.HOST:
        if clock in {Clock.VIRTUAL, Clock.SKIP}:
            raise EmulationError(f"the host's kernel has no {clock} clock; the guest kernel has: --kernel uml")
        if lacking := host_lacks():
            raise EmulationError(f"--kernel host: {lacking}")
        return Choice(kind, Clock.REAL, None)
    if platform.machine() != "x86_64":
        raise EmulationError(f"a guest kernel runs on x86-64 only, not on {platform.machine()}: take --kernel host")
    if kind is KernelKind.PACKAGED:
        if clock in {Clock.VIRTUAL, Clock.SKIP}:
            raise EmulationError(f"Debian's packaged kernel has no {clock} clock; a built one has: {_BUILD}")
        packaged = packaged_kernel()
        if packaged is None:
            raise EmulationError(f"Debian's packaged guest kernel, or kmod, is not installed: {PACKAGED_FROM}")
        return Choice(kind, Clock.REAL, packaged)
    kernels = built_kernels()
    if not kernels:
        raise EmulationError(f"no guest kernel has been built: {_BUILD}")
    return Choice(kind, clock or (Clock.REAL if interactive else Clock.VIRTUAL), kernels[0])
