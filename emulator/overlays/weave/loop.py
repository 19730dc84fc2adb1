"""The event loop of a router: descriptors that become readable, and timers, in one thread."""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable

from emulator.system.closing import Closing


class Timer:
    """A function that the loop calls once, at a time of the monotonic clock, unless it is cancelled before."""

    __slots__ = ("at_ns", "function")

    def __init__(self, at_ns: int, function: Callable[[], None]) -> None:
        self.at_ns = at_ns
        self.function: Callable[[], None] | None = function

    def cancel(self) -> None:
        """Never call the function; do nothing if it was called or cancelled already."""
        self.function = None


class Loop(Closing):
    """Descriptors and timers; ``run`` serves them until ``stop``."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[int, int, Timer]] = []
        self._order = itertools.count()  # of two timers of the same time, the first made is called first
        self._is_running = True
        self._deferred: list[Callable[[], None]] = []
        self.turn_ns = self.now_ns()
        """The time at which the loop has last woken up. It costs nothing; each reading of the clock takes time."""

    def close(self) -> None:
        """Close the loop's own descriptor."""
        self._poll.close()

    def now_ns(self) -> int:
        """Return the time of the clock that timers use."""
        return time.monotonic_ns()

    def watch(self, descriptor: int, reader: Callable[[], None]) -> None:
        """Call a function whenever a descriptor is readable, or has an error."""
        self._readers[descriptor] = reader
        self._register(descriptor)

    def watch_writable(self, descriptor: int, writer: Callable[[], None]) -> None:
        """Call a function whenever a descriptor is writable."""
        self._writers[descriptor] = writer
        self._register(descriptor)

    def unwatch_writable(self, descriptor: int) -> None:
        """Call no function any more when a descriptor is writable."""
        if self._writers.pop(descriptor, None) is not None:
            self._register(descriptor)

    def unwatch(self, descriptor: int) -> None:
        """Forget a descriptor, before it is closed."""
        self._readers.pop(descriptor, None)
        self._writers.pop(descriptor, None)
        self._register(descriptor)

    def call_later(self, delay_s: float, function: Callable[[], None]) -> Timer:
        """Call a function once, after a delay."""
        timer = Timer(self.now_ns() + int(delay_s * 1e9), function)
        heapq.heappush(self._timers, (timer.at_ns, next(self._order), timer))
        return timer

    def defer(self, function: Callable[[], None]) -> None:
        """Call a function once, after the functions that the loop calls now."""
        self._deferred.append(function)

    def stop(self) -> None:
        """End `run` after the function that runs now."""
        self._is_running = False

    def run(self) -> None:
        """Serve descriptors and timers until `stop` is called."""
        while self._is_running:
            self.turn(self._patience_s())

    def turn(self, patience_s: float | None) -> bool:
        """Serve what is ready, after a wait for it; return whether a descriptor was ready. None waits for ever."""
        ready = self._poll.poll(patience_s)
        self.turn_ns = self.now_ns()
        for descriptor, events in ready:
            if events & ~select.EPOLLOUT and (reader := self._readers.get(descriptor)) is not None:
                reader()
            if events & ~select.EPOLLIN and (writer := self._writers.get(descriptor)) is not None:
                writer()
        self._call_due()
        while self._deferred:
            deferred, self._deferred = self._deferred, []
            for function in deferred:
                function()
        return bool(ready)

    def _patience_s(self) -> float | None:
        """Return the time until the next timer; None without a timer."""
        while self._timers and self._timers[0][2].function is None:
            heapq.heappop(self._timers)
        return None if not self._timers else max(0.0, (self._timers[0][0] - self.now_ns()) / 1e9)

    def _call_due(self) -> None:
        if not self._timers:
            return
        while self._timers and self._timers[0][0] <= self.turn_ns:
            timer = heapq.heappop(self._timers)[2]
            function, timer.function = timer.function, None
            if function is not None:
                function()

    def _register(self, descriptor: int) -> None:
        wanted = (select.EPOLLIN if descriptor in self._readers else 0) | (
            select.EPOLLOUT if descriptor in self._writers else 0
        )
        try:
            if wanted:
                self._poll.modify(descriptor, wanted)
            else:
                self._poll.unregister(descriptor)
        except FileNotFoundError:  # not registered yet, or not any more
            if wanted:
                self._poll.register(descriptor, wanted)
