"""Errors that end a run: each has a sentence for the user and an exit status."""

from __future__ import annotations

from gtsdsl.machine import EXIT_STATUS, REFUSALS, refusal
from gtsdsl.text import printable

_LONGEST = 1000


class EmulationError(Exception):
    """The machine cannot do what the user wants: a tool, a kernel or a right is missing, or a guest ended early.

    The message is one line that says what is wrong and how to mend it. The command line exits with ``exit_status``.
    """

    exit_status = EXIT_STATUS


class OverlayError(EmulationError):
    """An unknown overlay, or one that cannot run on the topology; the message says why."""

    exit_status = 2


class OptionError(EmulationError):
    """The value of an option makes no sense, or does not fit the topology; the message says how to change it."""

    exit_status = 2


class UnknownNameError(EmulationError):
    """An option names something that does not exist, such as a circuit; the message has the nearest name."""

    exit_status = 2


class UntrustedError(EmulationError):
    """Another user could have changed a file that would be run or read, so the run ends.

    ``what`` says who could change which file, and ``mend`` says how to prevent it.
    """

    def __init__(self, what: str, mend: str) -> None:
        super().__init__(f"{what}: {mend}")
        self.what = what
        self.mend = mend


class KernelRefusedError(EmulationError):
    """A guest kernel is installed, but does not run on this machine."""


class GuestStalledError(EmulationError):
    """gtsdsl ended the guest because its virtual clock made no progress."""

    exit_status = 125


class GuestTimeoutError(EmulationError):
    """gtsdsl ended a run that took longer than the user allows; ``timeout`` of coreutils has the same status."""

    exit_status = 124


class GuestFailedError(EmulationError):
    """The guest ended by itself without a result: its kernel panicked, or another program killed it."""

    exit_status = 125


class GuestPanickedError(GuestFailedError):
    """The guest's kernel panicked."""


def in_a_line(error: Exception) -> str:
    """Return the message of an exception as one line for a terminal."""
    if isinstance(error, EmulationError):
        said = str(error)
    elif isinstance(error, REFUSALS):
        said = refusal(error)
    else:
        said = f"{type(error).__name__}: {error}"
    return printable(said, _LONGEST)
