"""The links that netlink messages make, as another program (pyroute2, or the kernel's own files) reads them."""

from __future__ import annotations

import errno

import pytest

from emulator.netlink import links
from emulator.netlink.connection import NetlinkError
from tests.emulator.netlink.pairs import Pair

pytestmark = pytest.mark.networks


def test_each_end_of_a_veth_pair_is_in_its_namespace(pair: Pair) -> None:
    for side, (index, name, mac) in enumerate(((7, "left", "02:00:00:00:00:01"), (9, "right", "02:00:00:00:00:02"))):
        found = {link.index: link for link in links.all_links(pair.netlink[side])}
        assert found.keys() == {1, index}
        assert found[index] == links.LinkState(index, name, False, mac)


def test_up_and_down(pair: Pair) -> None:
    def is_up() -> bool:
        return next(link.is_up for link in links.all_links(pair.netlink[0]) if link.index == 7)

    pair.netlink[0].send([links.up(7, "left")])
    assert is_up()
    pair.netlink[0].send([links.down(7, "left")])
    assert not is_up()


def test_name_and_mac_address_change(pair: Pair) -> None:
    pair.netlink[0].send([links.rename(7, "left", "port"), links.set_mac(7, "port", bytes((2, 9, 9, 9, 9, 9)))])
    assert links.LinkState(7, "port", False, "02:09:09:09:09:09") in links.all_links(pair.netlink[0])


def test_an_interface_that_is_deleted_takes_its_other_end_along(pair: Pair) -> None:
    pair.netlink[0].send([links.delete(7, "left")])
    assert [link.name for link in links.all_links(pair.netlink[1])] == ["lo"]


def test_a_bridge_and_its_port(pair: Pair) -> None:
    pair.netlink[0].send(
        [links.bridge("br", 20, spanning_tree=True), links.set_master(7, "left", 20), links.up(20, "br")]
    )
    assert any(link.name == "br" and link.is_up for link in links.all_links(pair.netlink[0]))
    with pytest.raises(NetlinkError, match=r"^left: the kernel refuses: ") as caught:
        pair.netlink[0].send([links.set_master(7, "left", 1)])  # `lo` is no bridge
    assert caught.value.number in {errno.EOPNOTSUPP, errno.EBUSY}
