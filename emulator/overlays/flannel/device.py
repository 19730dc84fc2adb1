"""The address of flannel's devices."""

from __future__ import annotations

from ipaddress import ip_interface

from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState
from emulator.overlays.model import Network


def set_address(kernel: Handle, state: KernelState, device: str, subnet: Network, network: Network) -> None:
    """Give a device the network address of a subnet, and set it up; ``state`` is the current state of the kernel.

    The address has the prefix length 32, in IPv6 128, so that it adds no route to others. The host's own packets to
    containers of other hosts come from it. Other addresses in ``network``, that of all containers, are removed;
    addresses elsewhere stay, as in flannel's `EnsureV4AddressOnLink`.
    """
    wanted = InterfaceAddress(device, f"{subnet.network_address}/{subnet.max_prefixlen}")
    present = [item for item in state.addresses if item.interface == device]
    for item in present:
        if item != wanted and ip_interface(item.address).ip in network:
            kernel.remove_address(item)
    if wanted not in present:
        kernel.add_address(wanted)
    if not any(link.name == device and link.is_up for link in state.links):
        kernel.set_up(device)
