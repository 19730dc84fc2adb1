"""The choice between forwarders: the preferred one that works, back and forth."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from emulator.overlays.weave.choice import Choice, common
from emulator.overlays.weave.forwarder import ConnectionParameters, Events, Forwarder, Method, PeerName, Switch

REMOTE = bytes((2, 0, 0, 0, 0, 2))


class Recorded(Forwarder):
    """A forwarder that records what is done with it."""

    method = "recorded"

    def __init__(self, remote: PeerName, events: Events) -> None:
        super().__init__(remote, events)
        self.done: list[object] = []
        self.refuses = False

    @property
    def mtu_bytes(self) -> int:
        return 1500

    def accepts(self, source: PeerName, destination: PeerName) -> bool:
        del source, destination
        return not self.refuses

    def confirm(self) -> None:
        self.done.append("confirm")

    def send(self, source: PeerName, destination: PeerName, frame: bytes, *, is_broadcast: bool) -> None:
        self.done.append((source, destination, frame, is_broadcast))

    def control(self, tag: int, message: bytes) -> None:
        self.done.append((tag, message))

    def stop(self) -> None:
        self.done.append("stop")


class Recording(Method):
    """A method that keeps its last forwarder; one without a kernel cannot prepare any."""

    name = "recording"

    def __init__(self, *, has_kernel: bool = True) -> None:
        self.has_kernel = has_kernel
        self.last: Recorded

    def start(self, switch: Switch) -> None:
        raise NotImplementedError

    def prepare(self, parameters: ConnectionParameters, events: Events) -> Recorded:
        if not self.has_kernel:
            raise PermissionError(1, "Operation not permitted")
        self.last = Recorded(parameters.remote, events)
        return self.last

    def close(self) -> None:
        raise NotImplementedError


class Case:
    """A choice between a fast and a slow method, and what it calls."""

    def __init__(self, *, has_fast: bool = True) -> None:
        self.fast, self.slow = Recording(has_kernel=has_fast), Recording()
        self.sent: list[bytes] = []
        self.established = self.changes = 0
        self.failures: list[str] = []
        methods: Mapping[str, Method] = {"fast": self.fast, "slow": self.slow}
        parameters = ConnectionParameters(
            REMOTE,
            "192.0.2.1",
            "192.0.2.2",
            is_outbound=True,
            uid=1,
            session_key=None,
            features={"Overlays": "slow fast"},
        )
        self.choice = Choice(methods, parameters, self.sent.append, self._establish, self._change, self.failures.append)

    def _establish(self) -> None:
        self.established += 1

    def _change(self) -> None:
        self.changes += 1


def test_both_ends_take_the_order_of_the_one_that_connects() -> None:
    assert common(("a", "b", "c"), ("c", "b", "d"), is_outbound=True) == ("b", "c")
    assert common(("c", "b", "d"), ("a", "b", "c"), is_outbound=False) == ("b", "c")
    assert common(("a",), ("b",), is_outbound=True) == ()


def test_the_preferred_forwarder_that_is_established_forwards() -> None:
    case = Case()
    assert case.choice.best is case.fast.last  # the first one that may work
    case.slow.last.events.established()
    assert case.choice.best is case.slow.last
    case.fast.last.events.established()
    assert case.choice.best is case.fast.last
    assert (case.established, case.changes) == (1, 3)


def test_an_unhealthy_forwarder_gives_way_until_it_is_healthy() -> None:
    case = Case()
    case.fast.last.events.established()
    case.slow.last.events.established()
    case.fast.last.events.healthy(False)
    assert case.choice.best is case.slow.last
    case.fast.last.events.healthy(True)
    assert case.choice.best is case.fast.last
    assert case.failures == []


def test_a_forwarder_that_failed_is_stopped_and_does_not_come_back() -> None:
    case = Case()
    case.fast.last.events.established()
    case.fast.last.events.failed("no route")
    assert case.choice.best is case.slow.last
    assert case.fast.last.done == ["stop"]
    case.fast.last.events.healthy(True)
    assert case.choice.best is case.slow.last
    case.slow.last.events.failed("no route either")
    assert case.choice.best is None
    assert case.failures == ["no forwarder works: no route either"]


def test_when_the_last_is_not_healthy_the_connection_fails() -> None:
    case = Case()
    case.slow.last.events.failed("no route")
    case.fast.last.events.healthy(False)
    assert case.failures == ["no forwarder works: no heartbeat has come"]


def test_a_method_that_the_kernel_refuses_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    case = Case(has_fast=False)
    assert case.choice.best is case.slow.last
    assert "fast to 192.0.2.2 is not available: Operation not permitted" in capsys.readouterr().err
    case.choice.control(bytes((0, 1)) + b"for the one that is missing")
    case.choice.control(bytes((9, 1)))
    case.choice.control(b"")
    assert case.slow.last.done == []


def test_messages_carry_the_number_of_the_forwarder() -> None:
    case = Case()
    case.slow.last.events.send_control(3, b"message")
    assert case.sent == [bytes((1, 3)) + b"message"]
    case.choice.control(bytes((1, 3)) + b"message")
    assert case.slow.last.done == [(3, b"message")]
    assert case.fast.last.done == []


def test_frames_that_the_best_does_not_accept_go_by_the_next() -> None:
    case = Case()
    case.fast.last.refuses = True
    assert case.choice.forwarder_for(REMOTE, REMOTE) is case.slow.last
    case.slow.last.refuses = True
    assert case.choice.forwarder_for(REMOTE, REMOTE) is None


def test_the_end_stops_all() -> None:
    case = Case()
    case.choice.confirm()
    case.choice.stop()
    assert case.fast.last.done == case.slow.last.done == ["confirm", "stop"]
    case.fast.last.events.failed("too late")
    assert case.failures == []
    assert not case.choice.has_forwarder
