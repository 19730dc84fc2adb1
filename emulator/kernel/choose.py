"""Choice of the kernel and the clock of a run; one that the user names is never replaced by another."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.kernel.cache import PACKAGED_FROM, Kernel, built_kernels, packaged_kernel
from emulator.kernel.kinds import Clock, KernelKind
from emulator.kernel.verdict import Lack, refusal
from emulator.system.errors import EmulationError, KernelRefusedError, UntrustedError
from emulator.system.programs import environment, find_program
from emulator.system.user_namespace import opening_command

_BUILD = "gtsdsl kernel build"


@dataclass(frozen=True, slots=True)
class KernelChoice:
    """The kernel and the clock of a run."""

    kind: KernelKind
    clock: Clock
    kernel: Kernel | None
    """The guest kernel; None for this machine's own."""


def choose(kernel: str = "auto", clock: str = "auto", *, interactive: bool = False) -> KernelChoice:
    """Return the kernel and the clock for a run: those that the user names, or the best of this machine.

    ``kernel`` is ``auto`` or a `KernelKind`, ``clock`` is ``auto`` or a `Clock`. ``auto`` takes a built guest kernel,
    then this machine's own, then the packaged guest kernel, each only if it has the clock. The clock ``auto`` is
    ``real`` for a person (``interactive``), and else ``virtual`` where the kernel has it.

    Raises:
        EmulationError: this machine lacks the kernel or the clock; the message says how to get it.
    """
    if kernel != "auto":
        return _exactly(KernelKind(kernel), _wanted(clock), interactive=interactive)
    return _best((KernelKind.UML, KernelKind.NATIVE, KernelKind.PACKAGED), _wanted(clock), interactive=interactive)


def choose_guest(kernel: str = "auto", clock: str = "auto") -> KernelChoice:
    """Return the guest kernel and the clock for a command in a guest; the arguments are those of `choose`.

    Raises:
        EmulationError: this machine has no such guest kernel; the message says what to do.
    """
    if kernel == "auto":
        return _best((KernelKind.UML, KernelKind.PACKAGED), _wanted(clock), interactive=False)
    choice = choose(kernel, clock)
    if choice.kernel is None:
        raise EmulationError("this machine's kernel is not a guest: take --kernel uml or --kernel uml-packaged")
    return choice


def native_lacks() -> Lack | None:
    """Return what this machine's kernel lacks to run a network; None if it lacks nothing."""
    tc = find_program("tc")
    if tc is None:
        return Lack("tc is missing, which tells whether the kernel has netem", "apt-get install iproute2")
    change = [tc, "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"]
    # a temporary namespace, so that the machine is not changed; without root, in a user namespace
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
        return Lack("this machine's kernel has no netem", "modprobe sch_netem")
    return None


def _wanted(clock: str) -> Clock | None:
    return None if clock == "auto" else Clock(clock)


def _best(kinds: Sequence[KernelKind], clock: Clock | None, *, interactive: bool) -> KernelChoice:
    """Return the first of these kinds that this machine has with the clock.

    Raises:
        EmulationError: this machine has none of them.
    """
    lacking = []
    for kind in kinds if clock in {None, Clock.REAL} else (KernelKind.UML,):
        try:
            return _exactly(kind, clock, interactive=interactive, takes_next=True)
        except UntrustedError:
            raise
        except EmulationError as error:
            lacking.append(error)
    if len(lacking) == 1:
        raise lacking[0]
    if platform.machine() != "x86_64":
        raise lacking[1]
    if refused := next((error for error in lacking if isinstance(error, KernelRefusedError)), None):
        raise refused
    at_once = f"{PACKAGED_FROM} (at once, real clock only)"
    raise EmulationError(f"no kernel to run in: {_BUILD} (some minutes, exact) or {at_once}")


def _running(name: str, kernels: Sequence[Kernel]) -> Kernel:
    """Return the first guest kernel that runs here.

    Raises:
        KernelRefusedError: none runs; the message says why the first does not.
    """
    refused = []
    for kernel in kernels:
        lack = refusal(kernel)
        if lack is None:
            return kernel
        refused.append(f"{name}, Linux {kernel.version}, does not run here: {lack}")
    raise KernelRefusedError(refused[0])


def _exactly(kind: KernelKind, clock: Clock | None, *, interactive: bool, takes_next: bool = False) -> KernelChoice:
    """Return the kernel of this kind; ``takes_next`` allows a built kernel after the first, if the first does not run.

    Raises:
        EmulationError: the kernel is missing, does not run here, or lacks the clock.
    """
    if kind is KernelKind.NATIVE:
        if clock in {Clock.VIRTUAL, Clock.SKIP}:
            raise EmulationError(f"this machine's kernel has no {clock} clock; the guest kernel has: --kernel uml")
        if lacking := native_lacks():
            raise EmulationError(f"--kernel native: {lacking}")
        return KernelChoice(kind, Clock.REAL, None)
    if platform.machine() != "x86_64":
        raise EmulationError(f"a guest kernel runs on x86-64 only, not on {platform.machine()}: take --kernel native")
    if kind is KernelKind.PACKAGED:
        if clock in {Clock.VIRTUAL, Clock.SKIP}:
            raise EmulationError(f"Debian's packaged kernel has no {clock} clock; a built one has: {_BUILD}")
        packaged = packaged_kernel()
        if packaged is None:
            raise EmulationError(f"Debian's packaged guest kernel, or kmod, is not installed: {PACKAGED_FROM}")
        return KernelChoice(kind, Clock.REAL, _running("Debian's packaged guest kernel", (packaged,)))
    kernels = built_kernels()
    if not kernels:
        raise EmulationError(f"no guest kernel has been built: {_BUILD}")
    kernel = _running("the guest kernel", kernels if takes_next else kernels[:1])
    return KernelChoice(kind, clock or (Clock.REAL if interactive else Clock.VIRTUAL), kernel)
