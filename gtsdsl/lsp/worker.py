"""A thread for long computations, beside an event loop that goes on to answer requests."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import TypeVar

_T = TypeVar("_T")


class Worker:
    """A thread that runs actions one after the other.

    The thread is a daemon, so that an action that takes long does not keep the process from its end.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._work, name="gtsdsl", daemon=True).start()

    def do(self, action: Callable[[], _T]) -> asyncio.Future[_T]:
        """Run an action in the thread; the future gets its result, or the exception that it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[_T] = loop.create_future()

        def job() -> None:
            if future.cancelled():
                return
            outcome: _T | Exception
            try:
                outcome = action()
            except Exception as error:
                outcome = error  # the future gets it
            if not loop.is_closed():
                loop.call_soon_threadsafe(_settle, future, outcome)

        self._jobs.put(job)
        return future

    def _work(self) -> None:
        while True:
            self._jobs.get()()


def _settle(future: asyncio.Future[_T], outcome: _T | Exception) -> None:
    if future.cancelled():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
