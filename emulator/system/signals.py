"""Signals that end a process to an exception, so that what it holds is let go of, in order and whole; exit statuses."""

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
    """Within it, SIGTERM and SIGHUP raise `SystemExit` with the status that a shell gives: 128 and the signal's number.

    With ``interrupt``, Ctrl-C likewise, as `KeyboardInterrupt`; else it does so as ever. Only the first raises: who
    presses Ctrl-C again and again would end what undoes things. For the main thread of a program; a library leaves
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
    """Whether an import is going on. Python loses an exception in its bookkeeping, so the signal comes again."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextlib.contextmanager
def interrupts() -> Iterator[None]:
    """Within it, each Ctrl-C raises `KeyboardInterrupt`: it ends what a person has started, and not the program."""
    with _handled((signal.SIGINT,), signal.default_int_handler):
        yield


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Within it, signals that end a process wait: what is being let go of is let go of whole, in a library too."""
    came: list[int] = []
    with _handled(_ENDS, lambda number, _: came.append(number)):
        yield
    for number in came[:1]:
        signal.raise_signal(number)


@contextlib.contextmanager
def ended_after(seconds: float | None) -> Iterator[None]:
    """Within it, `GuestTimeoutError` is raised after so much wall time, also while a person types."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise GuestTimeoutError(f"ended after {seconds:g} s, as asked")

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
    """Within it, these signals have this handler; not those that whoever started us has us ignore (`nohup`)."""
    if threading.current_thread() is not threading.main_thread():  # Python handles signals in that only
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
            if signal.getsignal(number) is handler:  # else it is ignored for good: the end has begun
                signal.signal(number, old)


def shell_status(returncode: int) -> int:
    """An exit status as a shell has it: 128 and the number of the signal that ended the process."""
    return 128 - returncode if returncode < 0 else returncode
