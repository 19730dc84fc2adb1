"""Attempts to connect: when, and after a failure how much later."""

from __future__ import annotations

import random

from emulator.overlays.weave.maker import Maker
from emulator.overlays.weave.peers import KnownConnection, Peer
from tests.emulator.overlays.weave.manual import ManualLoop

OWN, OTHER, THIRD = (bytes((2, 0, 0, 0, 0, number)) for number in (1, 2, 3))


class Case:
    """A maker that is told one address, and its attempts as seconds and addresses."""

    def __init__(self, *told: str) -> None:
        self.loop = ManualLoop()
        self.peers = {OWN: Peer(OWN)}
        self.attempts: list[tuple[float, str]] = []
        chance = random.Random(0)  # noqa: S311 - no secrets come from it
        self.maker = Maker(self.loop, told, self.peers, OWN, self._connect, chance)
        self.maker.refresh()

    def _connect(self, address: str) -> None:
        self.attempts.append((self.loop.time_ns / 1e9 - 1, address))


def test_an_address_that_is_told_is_tried_at_once_and_after_failures_ever_later() -> None:
    case = Case("192.0.2.2")
    case.loop.advance(0.05)
    assert case.attempts == [(0.0, "192.0.2.2:6783")]
    waits = []
    for _ in range(20):
        failed_s = case.loop.time_ns / 1e9 - 1
        case.maker.failed("192.0.2.2:6783", "no route")
        count = len(case.attempts)
        while len(case.attempts) == count:
            case.loop.skip(1)
        waits.append(case.attempts[-1][0] - failed_s)
    interval_s = 2.0
    for wait_s in waits:
        assert 0.5 * interval_s - 0.01 <= wait_s <= 1.5 * interval_s + 1
        interval_s = min(interval_s * 1.5, 360)
    assert interval_s == 360


def test_a_connection_that_lasted_is_tried_again_at_once() -> None:
    case = Case("192.0.2.2")
    case.loop.advance(0.05)
    case.loop.skip(61)
    case.maker.failed("192.0.2.2:6783", "reset")
    case.loop.advance(0.05)
    assert len(case.attempts) == 2


def test_the_host_itself_is_never_tried_again() -> None:
    case = Case("192.0.2.1")
    case.loop.advance(0.05)
    case.maker.failed("192.0.2.1:6783", "it leads to this host itself", forever=True)
    case.loop.skip(100_000)
    assert len(case.attempts) == 1


def test_the_peers_of_peers_are_tried_at_the_port_that_they_listen_at() -> None:
    case = Case()
    case.peers[OTHER] = Peer(OTHER)
    case.peers[OTHER].connections = {
        OWN: KnownConnection(OWN, "192.0.2.1:50000", False, True),
        THIRD: KnownConnection(THIRD, "192.0.2.3:50000", False, True),
    }
    case.maker.refresh()
    case.loop.advance(0.05)
    assert case.attempts == [(0.0, "192.0.2.3:6783")]
    case.peers[OTHER].connections.clear()
    case.maker.failed("192.0.2.3:6783", "no route")
    case.loop.skip(100)
    assert case.maker.targets == {}
    assert len(case.attempts) == 1
