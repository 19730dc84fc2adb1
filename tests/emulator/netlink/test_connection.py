"""Requests in several datagrams, and the first of their errors."""

from __future__ import annotations

import errno
from ipaddress import IPv4Address

import pytest

from emulator.netlink import addresses, links
from emulator.netlink.connection import Netlink, NetlinkError, is_missing
from tests.emulator.netlink.pairs import Pair

pytestmark = pytest.mark.networks


def test_an_error_names_the_interface_and_the_rest_is_done(pair: Pair) -> None:
    address = "10.0.0.1/24"
    with pytest.raises(NetlinkError) as caught:
        pair.netlink[0].send([links.up(99, "ghost"), links.up(7, "left"), addresses.add(7, "left", address)])
    assert caught.value.number == errno.ENODEV
    assert str(caught.value).startswith("ghost: the kernel refuses: No such device")
    assert next(link.is_up for link in links.all_links(pair.netlink[0]) if link.index == 7)
    # the socket is of use after an error
    pair.netlink[0].send([links.down(7, "left")])


def test_the_first_of_many_errors_is_told(pair: Pair) -> None:
    with pytest.raises(NetlinkError, match=r"^ghost0: "):
        pair.netlink[0].send([links.up(100 + number, f"ghost{number}") for number in range(5000)])
    assert len(links.all_links(pair.netlink[0])) == 2


def test_many_requests_go_in_several_datagrams(pair: Pair) -> None:
    addresses_ = [f"{IPv4Address(0x0A000001 + number)}/32" for number in range(3000)]
    pair.netlink[0].send([addresses.add(7, "left", address) for address in addresses_])
    with pytest.raises(NetlinkError, match=r"10\.0\.11\.184/32.*File exists"):
        pair.netlink[0].send([addresses.add(7, "left", addresses_[-1])])


def test_nothing_to_send(pair: Pair) -> None:
    pair.netlink[0].send([])


def test_a_family_that_the_kernel_lacks_is_missing() -> None:
    with pytest.raises(NetlinkError, match="netlink, family 31: the kernel refuses") as caught:
        Netlink(31)
    assert is_missing(caught.value)


@pytest.mark.parametrize(("number", "says"), [(errno.ENOSYS, True), (errno.ENODEV, True), (errno.EPERM, False)])
def test_some_refusals_say_that_a_facility_is_missing(number: int, says: bool) -> None:
    assert is_missing(NetlinkError("it", number, "")) is says
