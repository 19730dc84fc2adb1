"""The user's terminal for a guest's command: keys in, screen out, and the size of the window."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from types import FrameType

from emulator.kernel.guest import Boot, Guest
from emulator.kernel.job import GuestJob
from emulator.system.errors import GuestTimeoutError
from emulator.system.poll import readable

_CHUNK_BYTES = 2**16


Around = Callable[[Guest], AbstractContextManager[object]]
"""A function that returns a context manager to be entered while the guest runs."""


def run_on_terminal(boot: Boot, job: GuestJob, keys: int, screen: int, around: Around = contextlib.nullcontext) -> int:
    """Run a job whose command uses the terminal with the descriptors ``keys`` and ``screen``; return its exit status.

    A pseudo-terminal stands between the guest and the user's terminal, so the guest never has the user's terminal. The
    function restores the settings of the user's terminal at the end.

    Raises:
        EmulationError: as `Guest` and `Guest.wait` do.
    """
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)  # the guest's own terminal edits lines
        size = termios.tcgetwinsize(screen)
        termios.tcsetwinsize(theirs, size)
        with Guest(boot, replace(job, window=size), terminal=theirs) as guest, around(guest):
            with _raw(keys), _resized(screen, ours):
                _pass_on(guest, ours, keys, screen, boot.timeout_s)
            return guest.exit_status()
    finally:
        os.close(ours)
        os.close(theirs)


def _pass_on(guest: Guest, ours: int, keys: int, screen: int, timeout_s: float | None) -> None:
    """Carry bytes both ways until the guest has ended."""
    end_s = None if timeout_s is None else time.monotonic() + timeout_s
    sources = [guest.ended, ours, keys]
    while True:
        left_s = None if end_s is None else end_s - time.monotonic()
        if left_s is not None and left_s <= 0:
            raise GuestTimeoutError(f"timed out after {timeout_s:g} s")
        ready = readable(sources, left_s)
        if ours in ready:
            _write(screen, os.read(ours, _CHUNK_BYTES))
        elif guest.ended in ready:
            return
        if keys in ready:
            if typed := os.read(keys, _CHUNK_BYTES):
                _write(ours, typed)
            else:
                sources.remove(keys)  # the user's terminal is closed


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def _raw(keys: int) -> Iterator[None]:
    before = termios.tcgetattr(keys)
    try:
        tty.setraw(keys)
        yield
    finally:
        termios.tcsetattr(keys, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resized(screen: int, ours: int) -> Iterator[None]:
    """Let the guest's terminal follow the size of the user's within the context."""

    def follow(_number: int, _frame: FrameType | None) -> None:
        termios.tcsetwinsize(ours, termios.tcgetwinsize(screen))

    before = signal.signal(signal.SIGWINCH, follow)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
