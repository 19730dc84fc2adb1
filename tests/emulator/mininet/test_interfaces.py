"""Interfaces and links in the manner of Mininet: addresses, names, up and down."""

from __future__ import annotations

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.system.errors import EmulationError

pytestmark = pytest.mark.networks


def test_a_host_speaks_from_its_own_address(trio: EmulatedNetwork) -> None:
    a, c = trio["a"], trio["c"]
    assert a.IP() == "100.64.0.1"
    assert a.IP("a-eth0") == "10.0.0.0"
    assert f"from c ({c.IP()})" in a.cmd("ping -c 1 c")
    assert f"src {a.IP()}" in a.cmd(f"ip -color=never route get {c.IP()}")


def test_each_host_has_its_own_interfaces(trio: EmulatedNetwork) -> None:
    assert trio["b"].cmd("ls /sys/class/net").split() == ["b-eth0", "b-eth1", "lo"]
    assert trio["b"].intfNames() == ["b-eth0", "b-eth1"]
    assert [(str(left), str(right)) for left, right in trio["a"].connectionsTo(trio["b"])] == [("a-eth0", "b-eth0")]


def test_links_go_down_and_up(trio: EmulatedNetwork) -> None:
    trio.configLinkStatus("a", "b", "down")
    assert not trio["a"].intfIsUp()
    assert " 0% packet loss" not in trio["a"].cmd("ping -c 1 -W 1 b")
    trio.configLinkStatus("a", "b", "up")
    assert trio["a"].intfIsUp()
    assert trio.pingAll() == 0


def test_addresses_change(trio: EmulatedNetwork) -> None:
    trio["a"].setIP("192.168.5.1", 24)
    trio["b"].setIP("192.168.5.2", 24, intf="b-eth0")
    assert " 0% packet loss" in trio["a"].cmd("ping -c 1 -W 30 192.168.5.2")
    trio["a"].setMAC("02:00:00:00:aa:01")
    assert trio["a"].intf().updateMAC() == "02:00:00:00:aa:01"
    with pytest.raises(EmulationError, match="a-eth0: 'nonsense/24' is no address"):
        trio["a"].setIP("nonsense", 24)
