"""What can go wrong when a network is brought up, as exceptions that are a sentence for the user and an exit status."""

from __future__ import annotations


class EmulationError(Exception):
    """The machine cannot do what was asked: a tool, a kernel or a right is missing, or a guest came to an early end.

    The message is one line that says what is wrong and what mends it; the command line exits with ``exit_status``.
    """

    exit_status = 3


class OverlayError(EmulationError):
    """An overlay that there is not, or that cannot be on a topology; the message says why."""

    exit_status = 2


class GuestStalledError(EmulationError):
    """A guest was ended because its clock made no progress."""

    exit_status = 125


class GuestTimeoutError(EmulationError):
    """A guest was ended because it took longer than the user allowed, as ``timeout`` of coreutils reports it."""

    exit_status = 124


class GuestFailedError(EmulationError):
    """A guest ended by itself without a result: its kernel panicked, or something killed it."""

    exit_status = 125
