"""The run of a scenario: each event at its time of the network's clock, beside all else that the network does."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from emulator.scenario.begun import Action, Begun, Steps
from emulator.scenario.circuits import Circuits
from emulator.scenario.hosts import Hosts
from emulator.scenario.processors import Processors
from emulator.system.clock import sleep_until, without_slack
from emulator.system.closing import Closing
from emulator.system.errors import in_a_line
from gtsdsl.scenario.model import Event, Scenario, timeline
from gtsdsl.scenario.outcome import Happening, ScenarioOutcome

if TYPE_CHECKING:
    from emulator.mininet.network import EmulatedNetwork

_LEAD_NS, _MOST_LEAD_NS = 1_000, 500_000
_WAKE_NS = 256
"""The sleep before an event ends this much earlier, because its end takes twice as long in the virtual clock, in which
reading the clock takes 256 ns."""


class ScenarioRun(Closing):
    """A scenario that runs in a network from entry to exit: a context manager.

    Its clock begins at entry, when the network is up and its overlay is ready. What is to happen at 0 has happened
    when entry returns.
    """

    def __init__(self, network: EmulatedNetwork, scenario: Scenario) -> None:
        self._network = network
        self._scenario = scenario
        self._points = timeline(scenario)
        self._happenings = [Happening(point.at_ns, None, point.text) for point in self._points]
        self._circuits = Circuits(network)
        self._hosts = Hosts(network, self._circuits)
        self._processors = Processors(network)
        self._begun: dict[int, Begun] = {}
        self._busy: dict[int, threading.Thread] = {}
        self._queue: list[tuple[int, int, Action]] = []
        self._numbers = itertools.count()
        self._lock = threading.RLock()
        self._is_over = False
        self._late_ns = 0
        self.zero_ns = 0
        """The start of the scenario, in the network's clock."""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._circuits.prepare(self._scenario.events)
        self._hosts.prepare(self._scenario.events)
        self._processors.prepare(self._scenario.events)
        for index, point in enumerate(self._points):
            self._put(point.at_ns, partial(self._reach, index))
        self.zero_ns = time.monotonic_ns()
        self._do_until(0)
        self._thread.start()
        return self

    def close(self) -> None:
        """Let nothing more happen, and kill the scenario's commands."""
        with self._lock:
            self._is_over = True
        for thread in self._busy.values():
            thread.join()
        self._hosts.close()
        self._processors.close()
        self._circuits.close()

    def wait(self) -> None:
        """Wait until the end of the scenario."""
        sleep_until(self.zero_ns + self._scenario.end_ns)
        self._do_until(self._scenario.end_ns)  # the thread may wake a moment later
        if self._scenario.awaits_commands:
            for thread in self._busy.values():
                thread.join()
            self._hosts.wait()

    @property
    def happenings(self) -> tuple[Happening, ...]:
        """The points of the timeline in their order, as they have happened so far."""
        return tuple(self._happenings)

    def outcome(self) -> ScenarioOutcome:
        """End the scenario, and return what came of it."""
        self.close()
        return ScenarioOutcome(self.happenings, self._hosts.ends)

    def _put(self, at_ns: int, action: Action) -> None:
        heapq.heappush(self._queue, (at_ns, next(self._numbers), action))

    def _run(self) -> None:
        without_slack()
        while (next_ns := self._next_ns()) is not None:
            sleep_until(self.zero_ns + next_ns - _WAKE_NS)
            self._do_until(next_ns)

    def _next_ns(self) -> int | None:
        with self._lock:
            return self._queue[0][0] if self._queue and not self._is_over else None

    def _do_until(self, time_ns: int) -> None:
        """Do what the queue has up to a time."""
        with self._lock:
            while self._queue and self._queue[0][0] <= time_ns and not self._is_over:
                heapq.heappop(self._queue)[2]()

    def _now_ns(self) -> int:
        return time.monotonic_ns() - self.zero_ns

    def _reach(self, index: int) -> None:
        """Do what a point of the timeline says.

        What takes some time is done by a thread of its own, so that what is to happen next does not wait.
        """
        point = self._points[index]
        self._happenings[index] = replace(self._happenings[index], actual_ns=self._now_ns())
        if not self._hosts.is_slow(self._scenario.events[point.event], point.event):
            self._do(index)
            return
        before = self._busy.get(point.event)
        thread = threading.Thread(target=self._do, args=(index, before), daemon=True)
        self._busy[point.event] = thread
        thread.start()

    def _do(self, index: int, before: threading.Thread | None = None) -> None:
        """Do what a point says, when ``before`` has ended. An error is kept with it, and the scenario goes on."""
        if before is not None:
            before.join()
        point = self._points[index]
        event = self._scenario.events[point.event]
        error = None
        try:
            if not point.is_end:
                begun = self._begin(event, point.event)
                self._begun[point.event] = begun
                self._follow(index, begun.steps)
            elif point.event in self._begun:
                self._begun.pop(point.event).undo()
            else:
                error = "it did not begin"
        except Exception as failure:  # the other events do not depend on this one
            error = in_a_line(failure)
        self._happenings[index] = replace(self._happenings[index], error=error)

    def _begin(self, event: Event, number: int) -> Begun:
        match event.kind:
            case "cut":
                return self._circuits.cut(event)
            case "change":
                return self._circuits.change(event)
            case "cpus" if event.share is not None:
                return self._processors.leave(event, event.share)
            case "kill":
                return self._hosts.kill(event)
            case "start":
                return self._hosts.start(event, number)
            case "trace" if event.trace is not None:
                return self._circuits.trace(event, event.trace)
        raise AssertionError(f"{event.kind} is no event")

    def _follow(self, index: int, steps: Steps) -> None:
        """Put the next step of an event into the queue; ``index`` is that of the point at which the event began.

        A slot must be open a moment before the kernel's own timer lets a packet leave, so a step comes early by the
        least time, or by twice what events have been late so far in a real clock.
        """
        found = next(steps, None)
        if found is None:
            return
        at_ns, action = found
        lead_ns = min(max(_LEAD_NS, 2 * self._late_ns), _MOST_LEAD_NS)

        def step() -> None:
            if self._points[index].event not in self._begun:
                return
            late_ns = max(0, self._now_ns() - at_ns)
            self._late_ns = max(self._late_ns, late_ns)
            before = self._happenings[index]
            try:
                action()
            except Exception as failure:
                self._happenings[index] = replace(before, error=before.error or in_a_line(failure))
                return
            latest_ns = max(before.late_ns, late_ns)
            self._happenings[index] = replace(before, steps=before.steps + 1, late_ns=latest_ns)
            self._follow(index, steps)

        self._put(max(0, at_ns - lead_ns), step)
