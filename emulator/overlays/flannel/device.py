"""A device of flannel's to one that is up, with one address of the host's subnet."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv4Network

from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState


def set_address(kernel: Handle, state: KernelState, device: str, subnet: IPv4Network, network: IPv4Network) -> None:
    """Give a device the subnet's own address, and bring it up; ``state`` is what there was.

    It is a /32: no route comes with it. It is what the host speaks from to other hosts' containers. Any other address
    of all containers' ``network`` goes; what else somebody has given the device stays (`EnsureV4AddressOnLink`).
    """
    wanted = InterfaceAddress(device, f"{subnet.network_address}/32")
    found = [item for item in state.addresses if item.interface == device]
    for item in found:
        if item != wanted and IPv4Interface(item.address).ip in network:
            kernel.remove_address(item)
    if wanted not in found:
        kernel.add_address(wanted)
    if not any(link.name == device and link.is_up for link in state.links):
        kernel.set_up(device)
