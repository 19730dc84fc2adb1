"""Signals that end a process, as exceptions, so that the process releases what it holds; exit statuses."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from emulator.system.errors import GuestTimeoutError

_TOLD = (signal.SIGTERM, signal.SIGHUP)
_ENDS = (signal.SIGINT, *_TOLD)
_IMPORT_S = 0.01


@contextlib.contextmanager
def signals_as_exit(*, interrupt: bool = False) -> Iterator[None]:
    """Raise `SystemExit` on SIGTERM and SIGHUP, with a shell's status: 128 and the signal's number.

    With ``interrupt``, this context handles Ctrl-C too, which raises `KeyboardInterrupt`. Only the first signal raises,
    because a second one would interrupt the cleaning up. Use this in the main thread of a program; a library leaves
    signals alone.
    """

    def leave(number: int, frame: FrameType | None) -> None:
        if _imports(frame):
            threading.Timer(_IMPORT_S, os.kill, (os.getpid(), number)).start()
            return
        for other in _ENDS:
            signal.signal(other, signal.SIG_IGN)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(128 + number)

    with _handled(_ENDS if interrupt else _TOLD, leave):
        yield


def _imports(frame: FrameType | None) -> bool:
    """Return whether an import is going on; the caller then repeats the signal later.

    Python may lose an exception that is raised during an import.
    """
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Let each Ctrl-C raise `KeyboardInterrupt`, so that it ends a person's command and not the program."""
    with _handled((signal.SIGINT,), signal.default_int_handler):
        yield


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Hold back the signals that end a process until the context ends, so that cleaning up is not interrupted."""
    came: list[int] = []
    with _handled(_ENDS, lambda number, _: came.append(number)):
        yield
    for number in came[:1]:
        signal.raise_signal(number)


@contextlib.contextmanager
def ended_after(seconds: float | None) -> Iterator[None]:
    """Raise `GuestTimeoutError` after ``seconds`` of wall time, also while a person types; None is no limit."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise GuestTimeoutError(f"timed out after {seconds:g} s")

    if seconds is None:
        yield
        return
    with _handled((signal.SIGALRM,), end):
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def _handled(numbers: Sequence[int], handler: Callable[[int, FrameType | None], object]) -> Iterator[None]:
    """Handle these signals by ``handler``, except those that the parent process set to be ignored (`nohup`)."""
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in the main thread only
        yield
        return
    before = {number: signal.getsignal(number) for number in numbers}
    heard = {number: old for number, old in before.items() if old not in {signal.SIG_IGN, None}}
    for number in heard:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number, old in heard.items():
            if signal.getsignal(number) is handler:  # else the end has begun, and the signal stays ignored
                signal.signal(number, old)


def shell_status(returncode: int) -> int:
    """Return a process's exit status as a shell gives it: 128 and the number of the signal that ended the process."""
    return 128 - returncode if returncode < 0 else returncode
