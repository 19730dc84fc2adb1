"""Flannel's backend `udp`: its one route."""

from __future__ import annotations

from emulator.netlink.state import Route
from emulator.overlays.flannel.udp import Udp
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease

BACKEND = Udp(HOST, NO_KERNEL)


def test_one_route_leads_to_all_containers_because_the_forwarder_chooses_among_the_peers() -> None:
    assert BACKEND.common_entries() == [Route("10.244.0.0/16", "flannel0")]
    assert BACKEND.entries(lease(2)) == []


def test_its_lease_needs_no_data() -> None:
    assert BACKEND.lease_data() == ""


def test_it_owns_all_entries_on_its_device_and_no_others() -> None:
    assert BACKEND.owns(Route("192.0.2.0/24", "flannel0"))
    assert not BACKEND.owns(Route("10.244.0.0/16", "h1-eth0", "10.0.0.1"))
