"""Permanent neighbours."""

from __future__ import annotations

import pytest

from emulator.netlink import links, neighbours
from tests.emulator.netlink.pairs import Pair

pytestmark = pytest.mark.networks


def test_a_neighbour_for_good(pair: Pair) -> None:
    pair.netlink[0].send([links.up(7, "left"), neighbours.add(7, "left", "10.0.0.1", "02:00:00:00:00:02")])
    ((address, _, _, mac, _, device),) = [line.split() for line in pair.read(0, "/proc/net/arp").splitlines()[1:]]
    assert (address, mac, device) == ("10.0.0.1", "02:00:00:00:00:02", "left")
