"""An error of the kernel names its subject; the route to an address is found."""

from __future__ import annotations

import errno

import pytest

from emulator.netlink.connection import NetlinkError
from emulator.netlink.handle import Handle
from emulator.netlink.state import Route, read
from tests.emulator.netlink.entries import ENTRIES, MAC

pytestmark = pytest.mark.networks


def test_the_way_to_an_address(handle: Handle) -> None:
    handle.put(ENTRIES[3])
    assert handle.route_to("10.4.5.6") == Route("10.4.5.6/32", "br0", "10.1.0.9", source="10.1.0.1")
    with pytest.raises(NetlinkError, match=r"route to 192\.0\.2\.1: the kernel refuses: Network is unreachable"):
        handle.route_to("192.0.2.1")


def test_what_the_kernel_refuses_names_what_it_was_about(handle: Handle) -> None:
    with pytest.raises(NetlinkError, match="br0: the kernel refuses: File exists"):
        handle.add_bridge("br0", mac=MAC, mtu_bytes=1500)
    with pytest.raises(NetlinkError, match="no0: the kernel refuses: No such device"):
        handle.set_up("no0")
    with pytest.raises(NetlinkError, match=r"route to 10\.9\.0\.0/24 over br0: the kernel refuses"):
        handle.drop(Route("10.9.0.0/24", "br0"))


def test_a_tunnel_that_the_kernel_has_made_is_taken(
    namespace: int, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = errno.EEXIST

    def refuse(_: Handle, name: str, __: object) -> None:
        raise NetlinkError(name, number, "")

    monkeypatch.setattr(Handle, "_add", refuse)
    handle.add_ipip("br0", mtu_bytes=1300)
    assert handle.mtu_bytes("br0") == 1300
    assert all(link.is_up for link in read(namespace).links if link.name == "br0")
    with pytest.raises(NetlinkError, match="no0: the kernel refuses: File exists"):
        handle.add_ipip("no0", mtu_bytes=1300)
    number = errno.EOPNOTSUPP
    with pytest.raises(NetlinkError, match="br0: the kernel refuses: Operation not supported"):
        handle.add_ipip("br0", mtu_bytes=1300)
