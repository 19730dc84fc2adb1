"""A host with one circuit, in a namespace on this machine's kernel."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from emulator.lab.underlay import empty_namespace
from emulator.netlink import namespaces
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, Route


@pytest.fixture
def kernel() -> Iterator[Handle]:
    """The kernel of a host whose circuit leads to 10.0.0.1, by which the host 100.64.0.2 is reached.

    The circuit's end is a bridge. The test's thread is in the host's namespace.
    """
    namespace = empty_namespace()
    try:
        with namespaces.entered(namespace), Handle(namespace) as found:
            found.add_bridge("h1-eth0", mac="02:00:00:00:00:01", mtu_bytes=1500)
            found.add_address(InterfaceAddress("h1-eth0", "10.0.0.0/31"))
            found.put(Route("100.64.0.2/32", "h1-eth0", "10.0.0.1"))
            yield found
    finally:
        os.close(namespace)
