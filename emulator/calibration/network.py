"""A small network of namespaces without processes, which packets are sent through and which its descriptors hold."""

from __future__ import annotations

import contextlib
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from emulator.lab.underlay import empty_namespace
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Neighbour, Route
from emulator.system.closing import Closing

MTU_BYTES = 65535
"""The MTU of all links: the largest that a veth pair takes, so that a packet of 64 KB is one packet all the way."""
PORT = 5001
"""The UDP port of both ends of a chain."""
_SO_RCVBUFFORCE = 33
_RECEIVE_BYTES = 2**23

_Closing = TypeVar("_Closing", bound=Closing)


@dataclass(frozen=True)
class Node:
    """A namespace: its descriptor, and the sockets that change it."""

    descriptor: int
    kernel: Handle

    def address(self, interface: str, address: str) -> None:
        """Give an interface an address with its prefix length (``10.0.0.1/24``), and bring the interface up."""
        self.kernel.set_up(interface)
        self.kernel.add_address(InterfaceAddress(interface, address))

    def neighbour(self, interface: str, address: str, mac: str) -> None:
        """Write the MAC address of a neighbour, so that no request for it comes between measured packets."""
        self.kernel.put(Neighbour(interface, address, mac))

    def route(self, destination: str, interface: str, gateway: str | None = None) -> None:
        """Add a route to a subnet, through a gateway or straight."""
        self.kernel.put(Route(destination, interface, gateway, scope="link" if gateway is None else "global"))

    def set_parameter(self, name: str, value: str) -> None:
        """Set a parameter below ``/proc/sys/net`` (``ipv4/ip_forward``)."""
        with namespaces.entered(self.descriptor):
            Path("/proc/sys/net", name).write_text(value)


@dataclass(frozen=True, slots=True)
class Pair:
    """The two ends of a veth pair, by their names and MAC addresses."""

    first: str
    second: str
    first_mac: str
    second_mac: str


class Network(Closing):
    """Nodes, links and sockets, from the first call to the exit; a context manager."""

    def __init__(self) -> None:
        self._stack = contextlib.ExitStack()
        self._links = 0

    def close(self) -> None:
        """Close all sockets and descriptors; the kernel then removes the namespaces."""
        self._stack.close()

    def hold(self, descriptor: int) -> int:
        """Close a descriptor with the network; return it."""
        self._stack.callback(os.close, descriptor)
        return descriptor

    def keep(self, item: _Closing) -> _Closing:
        """Close something with the network; return it."""
        self._stack.callback(item.close)
        return item

    def node(self) -> Node:
        """Make a namespace.

        Raises:
            EmulationError: the user may make none.
        """
        descriptor = self.hold(empty_namespace())
        return Node(descriptor, self._stack.enter_context(Handle(descriptor)))

    def join(self, first: Node, second: Node) -> Pair:
        """Make a veth pair between two nodes, and bring both ends up."""
        self._links += 1
        number = self._links
        pair = Pair(f"a{number}", f"b{number}", mac(number, 1), mac(number, 2))
        first.kernel.add_veth(
            pair.first, mac=pair.first_mac, peer=pair.second, peer_namespace=second.descriptor,
            peer_mac=pair.second_mac, mtu_bytes=MTU_BYTES,
        )  # fmt: skip
        first.kernel.set_up(pair.first)
        second.kernel.set_up(pair.second)
        return pair

    def udp(self, node: Node, address: str, port: int) -> socket.socket:
        """Open a UDP socket of a node, which does not wait, with an address and a port."""
        with namespaces.entered(node.descriptor):
            end = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        end.setblocking(False)
        end.bind((address, port))
        try:
            end.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BYTES)
        except PermissionError:  # only the machine's root may; others get up to net.core.rmem_max
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        return end

    def frames(self, node: Node, interface: str) -> socket.socket:
        """Open a socket that sends Ethernet frames by an interface of a node."""
        with namespaces.entered(node.descriptor):
            end = self._stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW))
        end.bind((interface, 0))
        return end


def mac(link: int, end: int) -> str:
    """Return the MAC address of an end of a link."""
    return f"02:00:00:00:{link:02x}:{end:02x}"
