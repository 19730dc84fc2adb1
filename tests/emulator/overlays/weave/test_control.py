"""Questions to a router over a pair of sockets, and its answers, also late ones and none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from emulator.overlays.weave.control import Client, Server, make_ends
from emulator.overlays.weave.loop import Loop
from emulator.overlays.weave.status import Status
from tests.emulator.waiting import PATIENCE_S

STATUS = Status("02:00:00:00:00:01", "h1", (), (), (), 0, ())


class Serving:
    """A server in a thread, whose allocations wait until the test gives them."""

    def __init__(self) -> None:
        near, self.far = make_ends()
        self.client = Client(near)
        self.loop = Loop()
        self.waiting: dict[str, Callable[[str], None]] = {}
        Server(self.loop, self.far, self._allocate, lambda: STATUS)
        self.end, self.end_writer = os.pipe()  # only its own thread may call a loop
        self.loop.watch(self.end, self.loop.stop)
        self.thread = threading.Thread(target=self.loop.run)

    def _allocate(self, container: str, done: Callable[[str], None]) -> None:
        if container == "late":
            self.waiting[container] = done
        else:
            for earlier in self.waiting.values():
                earlier("10.244.0.9")
            self.waiting.clear()
            done("10.244.0.1")

    def __enter__(self) -> Serving:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        os.write(self.end_writer, b"x")
        self.thread.join()
        os.close(self.end)
        os.close(self.end_writer)
        self.client.close()
        self.far.close()
        self.loop.close()


def test_a_router_gives_addresses_and_says_what_it_knows() -> None:
    with Serving() as serving:
        assert serving.client.allocate("c1", PATIENCE_S) == "10.244.0.1"
        assert serving.client.status(PATIENCE_S) == STATUS


def test_the_late_answer_to_an_earlier_question_is_passed_over() -> None:
    with Serving() as serving:
        assert serving.client.allocate("late", 0.01) is None
        assert serving.client.allocate("c1", PATIENCE_S) == "10.244.0.1"


def test_a_router_that_has_ended_gives_no_answer() -> None:
    near, far = make_ends()
    with Client(near) as client:
        far.close()
        assert client.allocate("c1", PATIENCE_S) is None
        assert client.status(PATIENCE_S) is None


def test_a_server_without_a_client_goes_on() -> None:
    near, far = make_ends()
    with Loop() as loop:
        Server(loop, far, lambda _name, _done: None, lambda: STATUS)
        near.close()
        assert loop.turn(0)
        assert not loop.turn(0)
        far.close()
