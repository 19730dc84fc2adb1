"""The address of flannel's devices, on a real interface."""

from __future__ import annotations

import subprocess

import pytest

from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState, read_here
from emulator.overlays.flannel.device import set_address
from tests.emulator.overlays.flannel.samples import NETWORK, SUBNET

pytestmark = pytest.mark.networks

DEVICE = "flannel.1"


@pytest.fixture
def device(kernel: Handle) -> Handle:
    """The kernel of a host with a device that is down and has no address."""
    subprocess.run(["ip", "link", "add", DEVICE, "type", "bridge"], check=True)
    return kernel


def addresses(state: KernelState) -> list[str]:
    return [item.address for item in state.addresses if item.interface == DEVICE]


def test_a_device_gets_the_subnets_network_address_and_comes_up(device: Handle) -> None:
    set_address(device, read_here(), DEVICE, SUBNET, NETWORK)
    state = read_here()
    assert addresses(state) == ["10.244.1.0/32"]
    assert [link.is_up for link in state.links if link.name == DEVICE] == [True]


def test_the_address_adds_no_route(device: Handle) -> None:
    before = read_here().routes
    set_address(device, read_here(), DEVICE, SUBNET, NETWORK)
    assert read_here().routes == before


def test_other_addresses_in_the_containers_network_go_and_addresses_elsewhere_stay(device: Handle) -> None:
    for address in ("10.244.9.0/32", "10.244.1.0/24", "192.0.2.9/32"):
        device.add_address(InterfaceAddress(DEVICE, address))
    set_address(device, read_here(), DEVICE, SUBNET, NETWORK)
    assert addresses(read_here()) == ["10.244.1.0/32", "192.0.2.9/32"]


def test_a_device_that_is_right_is_left_alone(device: Handle) -> None:
    set_address(device, read_here(), DEVICE, SUBNET, NETWORK)
    before = read_here()
    set_address(device, before, DEVICE, SUBNET, NETWORK)  # the kernel would refuse to add the address again
    assert read_here() == before
