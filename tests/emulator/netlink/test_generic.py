"""Families of generic netlink are found by their names."""

from __future__ import annotations

import struct

import pytest

from emulator.netlink.connection import NETLINK_GENERIC, Netlink, NetlinkError
from emulator.netlink.generic import Family, find_family, has_family
from emulator.netlink.messages import KernelRequest


def test_a_request_has_the_command_and_the_version_of_the_messages() -> None:
    family = Family("ovs_flow", 25, 1)
    assert family.request(3, b"body", "a flow") == KernelRequest(25, 0, b"\x03\x01\0\0body", "a flow")


def test_the_family_of_families_is_there() -> None:
    with Netlink(NETLINK_GENERIC) as netlink:
        found = find_family(netlink, "nlctrl", 2)
    assert (found.name, found.number, found.version) == ("nlctrl", 16, 2)
    assert "notify" in dict(found.groups)


def test_a_missing_family_is_said() -> None:
    assert not has_family("no_such_family")
    with Netlink(NETLINK_GENERIC) as netlink, pytest.raises(NetlinkError, match="no_such_family: the kernel refuses"):
        find_family(netlink, "no_such_family")


def test_numbers_are_in_the_order_of_this_machine() -> None:
    assert Family("a", 1, 2).request(1, struct.pack("=i", 7), "a").body == b"\x01\x02\0\0" + struct.pack("=i", 7)
