"""The event loop: timers in order, descriptors, deferred calls."""

from __future__ import annotations

import os
from collections.abc import Callable

from emulator.overlays.weave.loop import Loop
from tests.emulator.overlays.weave.manual import ManualLoop


def test_timers_come_in_the_order_of_their_times_and_of_their_making() -> None:
    loop, seen = ManualLoop(), list[str]()

    def note(text: str) -> Callable[[], None]:
        return lambda: seen.append(text)

    loop.call_later(0.3, note("third"))
    loop.call_later(0.1, note("first"))
    loop.call_later(0.1, note("second"))
    loop.call_later(0.2, note("cancelled")).cancel()
    loop.advance(0.2)
    assert seen == ["first", "second"]
    loop.advance(0.2)
    assert seen == ["first", "second", "third"]


def test_a_timer_that_was_called_can_be_cancelled() -> None:
    loop, seen = ManualLoop(), list[int]()
    timer = loop.call_later(0, lambda: seen.append(1))
    loop.advance(0.1)
    timer.cancel()
    assert seen == [1]


def test_deferred_calls_come_after_the_descriptors_of_the_turn() -> None:
    with Loop() as loop:
        reader, writer = os.pipe()
        seen = []

        def read() -> None:
            loop.defer(lambda: seen.append("deferred"))
            seen.append(os.read(reader, 1).decode())
            if seen.count("deferred") == 2:
                loop.stop()

        loop.watch(reader, read)
        os.write(writer, b"abc")
        for _ in range(3):
            assert loop.turn(0)
        assert seen == ["a", "deferred", "b", "deferred", "c", "deferred"]
        loop.unwatch(reader)
        assert not loop.turn(0)
        os.close(reader)
        os.close(writer)


def test_a_writable_descriptor_is_said_until_it_is_not_watched() -> None:
    with Loop() as loop:
        reader, writer = os.pipe()
        seen = []
        loop.watch_writable(writer, lambda: seen.append(1))
        loop.turn(0)
        loop.unwatch_writable(writer)
        loop.unwatch_writable(writer)
        loop.turn(0)
        assert seen == [1]
        os.close(reader)
        os.close(writer)


def test_it_runs_until_it_is_stopped() -> None:
    with Loop() as loop:
        loop.call_later(0, loop.stop)
        loop.run()
        assert loop.turn_ns <= loop.now_ns()
