"""Subnets and MAC addresses of an overlay's hosts, by the numbers of the hosts."""

from __future__ import annotations

from emulator.overlays.model import OverlaySpec
from emulator.overlays.subnets import host_number, mac_of, numbered_subnet

SPEC = OverlaySpec("geneve", "geneve", ("h1", "h2"), (), "10.244.0.0/16", "process")


def test_a_host_has_the_subnet_of_its_number() -> None:
    assert [host_number(SPEC, host) for host in SPEC.hosts] == [1, 2]
    assert [str(numbered_subnet(SPEC, host)) for host in SPEC.hosts] == ["10.244.1.0/24", "10.244.2.0/24"]


def test_a_mac_address_holds_the_ip_address() -> None:
    assert mac_of("0e:6e", "100.64.0.2") == "0e:6e:64:40:00:02"
