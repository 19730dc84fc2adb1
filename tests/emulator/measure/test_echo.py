"""ICMP echoes from a socket in a namespace."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from emulator.measure.echo import Echo, samples_us
from emulator.netlink import links, namespaces
from emulator.netlink.connection import Netlink
from tests.emulator.waiting import wait_for

pytestmark = pytest.mark.networks


@pytest.fixture
def loopback() -> Iterator[int]:
    """A network namespace whose loopback interface is up."""
    ((descriptor, netlink),) = namespaces.create(1, lambda _: Netlink())
    netlink.send([links.up(1, "lo")])
    yield descriptor
    netlink.close()
    os.close(descriptor)


def test_a_reply_has_the_number_of_its_request(loopback: int) -> None:
    with Echo(loopback, "127.0.0.1") as echo:
        for number in (0, 7, 70_000):  # the number of an echo has 16 bits
            time_ns = echo.round_trip_ns("127.0.0.2", number, 10)
            assert time_ns is not None
            assert 0 < time_ns < 10**10


def test_those_that_have_answered(loopback: int) -> None:
    with Echo(loopback, "127.0.0.1") as echo:
        assert list(echo.answered()) == []
        assert echo.send("127.0.0.3", 1)
        found: list[str] = []

        def has_answered() -> bool:
            found.extend(echo.answered())
            return bool(found)

        wait_for(has_answered)
        assert found == ["127.0.0.3"]


def test_without_a_route_nothing_is_sent(loopback: int) -> None:
    with Echo(loopback, "127.0.0.1") as echo:
        assert not echo.send("192.0.2.1", 1)
        assert echo.round_trip_ns("192.0.2.1", 1, 10) is None


def test_an_address_that_is_not_there_is_an_error(loopback: int) -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        Echo(loopback, "192.0.2.1")


def test_the_first_round_trips_warm_up_and_lost_ones_are_left_out() -> None:
    times = {0: 9_000_000, 1: 1_000, 2: None, 3: 2_500}
    assert samples_us(times.__getitem__, count=3, warm_up=1) == (1.0, 2.5)
