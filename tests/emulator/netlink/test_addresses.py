"""Requests that add and remove addresses of an interface."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from emulator.netlink import addresses
from emulator.netlink.messages import attributes

_HEADER_BYTES = 8
_LOCAL, _BROADCAST = 2, 4


@pytest.mark.parametrize(
    ("address", "prefix", "broadcast"),
    [("10.0.0.1", 24, "10.0.0.255"), ("10.0.0.1", 30, "10.0.0.3"), ("10.0.0.1", 31, None), ("10.0.0.1", 32, None)],
)
def test_only_a_network_of_more_than_two_has_a_broadcast_address(
    address: str, prefix: int, broadcast: str | None
) -> None:
    request = addresses.add(7, "left", f"{address}/{prefix}")
    found = dict(attributes(request.body, _HEADER_BYTES))
    assert str(IPv4Address(found[_LOCAL])) == address
    assert (str(IPv4Address(found[_BROADCAST])) if _BROADCAST in found else None) == broadcast


def test_a_request_names_the_interface_and_the_address() -> None:
    request = addresses.remove(7, "left", "10.0.0.1/24")
    assert request.subject == "left, address 10.0.0.1/24"
