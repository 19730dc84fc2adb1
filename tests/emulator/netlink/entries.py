"""Addresses, neighbours and routes of a host with a bridge."""

from __future__ import annotations

import subprocess

from emulator.netlink import namespaces
from emulator.netlink.handle import Entry
from emulator.netlink.state import InterfaceAddress, Neighbour, Route

MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


ADDRESS = InterfaceAddress("br0", "10.1.0.1/24")


CONNECTED = Route("10.1.0.0/24", "br0", scope="link", source="10.1.0.1", protocol="kernel")


NEIGHBOUR = Neighbour("br0", "10.2.0.0", OTHER_MAC)


ROUTE = Route("10.2.0.0/24", "br0", "10.2.0.0", flags=("onlink",))


ENTRIES: tuple[Entry, ...] = (
    NEIGHBOUR,
    ROUTE,
    Route("10.3.0.0/16", "br0", scope="link"),
    Route("10.4.0.0/16", "br0", "10.1.0.9", source="10.1.0.1", protocol="static"),
    Route("0.0.0.0/0", "br0", "10.1.0.9"),
    Route("10.5.0.0/26", None, protocol="80", type="blackhole"),
)


def ip(namespace: int, *arguments: str) -> str:
    with namespaces.entered(namespace):
        return subprocess.run(["ip", *arguments], capture_output=True, text=True, check=True).stdout
