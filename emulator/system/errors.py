"""What can go wrong when a network is brought up, as exceptions that are a sentence for the user and an exit status."""

from __future__ import annotations

from gtsdsl.diagnostics import printable
from gtsdsl.machine import EXIT_STATUS, REFUSALS, refused

_LONGEST = 1000


class EmulationError(Exception):
    """The machine cannot do what was asked: a tool, a kernel or a right is missing, or a guest came to an early end.

    The message is one line that says what is wrong and what mends it; the command line exits with ``exit_status``.
    """

    exit_status = EXIT_STATUS


class OverlayError(EmulationError):
    """An overlay that there is not, or that cannot be on a topology; the message says why."""

    exit_status = 2


class UntrustedError(EmulationError):
    """Somebody else could have changed what is to be run or read; no other way is taken instead.

    ``what`` says who could change what, and ``mend`` is what mends it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}: {mend}")
        self.what = what
        self.mend = mend


class KernelRefusedError(EmulationError):
    """A guest kernel is at hand and does not run on this machine."""


class GuestStalledError(EmulationError):
    """A guest was ended because its clock made no progress."""

    exit_status = 125


class GuestTimeoutError(EmulationError):
    """A guest was ended because it took longer than the user allowed, as ``timeout`` of coreutils reports it."""

    exit_status = 124


class GuestFailedError(EmulationError):
    """A guest ended by itself without a result: its kernel panicked, or something killed it."""

    exit_status = 125


class GuestPanickedError(GuestFailedError):
    """A guest's kernel found that it could not go on."""


def in_a_line(error: Exception) -> str:
    """What an exception says, as a line for a terminal."""
    if isinstance(error, EmulationError):
        said = str(error)
    elif isinstance(error, REFUSALS):
        said = refused(error)
    else:
        said = f"{type(error).__name__}: {error}"
    return printable(said, _LONGEST)
