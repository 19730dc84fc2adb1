"""Flannel's backend `udp`: its one route, and its TUN interface."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from emulator.netlink.handle import Handle
from emulator.netlink.state import Route, read_here
from emulator.overlays.flannel.udp import TUN, Udp, open_tun
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease

BACKEND = Udp(HOST, NO_KERNEL)

needs_tun = pytest.mark.skipif(not Path(TUN).exists(), reason=f"this machine has no {TUN}: `modprobe tun` adds it")


def test_one_route_leads_to_all_containers_because_the_forwarder_chooses_among_the_peers() -> None:
    assert BACKEND.common_entries() == [Route("10.244.0.0/16", "flannel0")]
    assert BACKEND.entries(lease(2)) == []


def test_its_lease_needs_no_data() -> None:
    assert BACKEND.lease_data() == ""


def test_it_owns_all_entries_on_its_device_and_no_others() -> None:
    assert BACKEND.owns(Route("192.0.2.0/24", "flannel0"))
    assert not BACKEND.owns(Route("10.244.0.0/16", "h1-eth0", "10.0.0.1"))


@needs_tun
@pytest.mark.networks
def test_a_tun_interface_has_no_header_and_lives_as_long_as_its_descriptor(kernel: Handle) -> None:
    descriptor = open_tun("flannel0")
    try:
        details = [dict(link.details) for link in read_here().links if link.name == "flannel0"]
        assert details == [{"type": "tun", "packet_information": False}]
        assert not os.get_blocking(descriptor)
    finally:
        os.close(descriptor)
    assert not kernel.has_link("flannel0")


@needs_tun
@pytest.mark.networks
@pytest.mark.usefixtures("kernel")
def test_a_name_in_use_is_refused_and_leaves_no_descriptor_open() -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="Invalid argument"):
        open_tun("h1-eth0")
    assert set(Path("/proc/self/fd").iterdir()) <= before
