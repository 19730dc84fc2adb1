"""Flannel's backend `host-gw`: its routes, in a host with one circuit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import FdbEntry, Neighbour, Route
from emulator.overlays.flannel.hostgw import HostGw
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease


@pytest.mark.networks
def test_the_gateway_is_the_next_host_on_the_way(kernel: Handle) -> None:
    assert HostGw(HOST, kernel).entries(lease(2)) == [Route("10.244.2.0/24", "h1-eth0", "10.0.0.1")]


@pytest.mark.networks
def test_a_host_at_the_other_end_of_a_circuit_is_the_gateway_itself(kernel: Handle) -> None:
    peer = replace(lease(3), public_ip="10.0.0.1")
    assert HostGw(HOST, kernel).entries(peer) == [Route("10.244.3.0/24", "h1-eth0", "10.0.0.1")]


@pytest.mark.networks
def test_a_host_that_no_circuit_leads_to_has_no_route(kernel: Handle) -> None:
    assert HostGw(HOST, kernel).entries(lease(4)) == []


@pytest.mark.parametrize(
    ("entry", "is_owned"),
    [
        (Route("10.244.2.0/24", "h1-eth0", "10.0.0.1"), True),
        (Route("10.244.0.0/16", "h1-eth0", "10.0.0.1"), True),
        (Route("10.244.1.0/24", "cni0"), False),
        (Route("10.0.0.0/8", "h1-eth0", "10.0.0.1"), False),
        (Route("100.64.0.2/32", "h1-eth0", "10.0.0.1"), False),
        (Neighbour("h1-eth0", "10.244.2.0", "02:00:00:00:00:02"), False),
        (FdbEntry("h1-eth0", "02:00:00:00:00:02", "100.64.0.2"), False),
    ],
)
def test_it_owns_the_routes_into_the_containers_network_that_have_a_gateway(entry: Entry, is_owned: bool) -> None:
    assert HostGw(HOST, NO_KERNEL).owns(entry) is is_owned


def test_its_lease_needs_no_data_and_its_packets_no_headers() -> None:
    backend = HostGw(HOST, NO_KERNEL)
    assert backend.lease_data() == ""
    assert backend.mtu_bytes == HOST.circuit_mtu_bytes
    assert backend.common_entries() == []
