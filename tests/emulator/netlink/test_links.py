"""What netlink messages make in the kernel, as another program (pyroute2, or the kernel's own files) sees it."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from emulator.lab.underlay import require_netem
from emulator.netlink import addresses, links, namespaces, neighbours, qdiscs, routes
from emulator.netlink.connection import Netlink, NetlinkError
from emulator.netlink.messages import attributes, nested, s64, text, u32
from emulator.system.errors import EmulationError
from gtsdsl.topology.addresses import Address

pytestmark = pytest.mark.networks


class Pair:
    """Two namespaces that a veth pair joins, with a netlink socket in each."""

    def __init__(self) -> None:
        made = namespaces.create(2, lambda _: Netlink())
        self.namespaces = [item[0] for item in made]
        self.netlink = [item[1] for item in made]
        ends = [links.VethEnd(self.namespaces[0], "left", 7, bytes((2, 0, 0, 0, 0, 1)))]
        ends.append(links.VethEnd(self.namespaces[1], "right", 9, bytes((2, 0, 0, 0, 0, 2))))
        self.netlink[0].send([links.veth(ends[0], ends[1])])

    def close(self) -> None:
        for netlink, descriptor in zip(self.netlink, self.namespaces, strict=True):
            netlink.close()
            os.close(descriptor)

    def read(self, side: int, path: str) -> str:
        """A file of the kernel's, as a process in the namespace of one side reads it."""
        with namespaces.entered(self.namespaces[side]):
            return Path(path).read_text()


@pytest.fixture
def pair() -> Iterator[Pair]:
    found = Pair()
    yield found
    found.close()


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


@pytest.mark.parametrize(("prefix", "broadcast"), [(31, None), (24, "10.0.0.255")])
def test_addresses_and_routes(pair: Pair, prefix: int, broadcast: str | None) -> None:
    address = Address(IPv4Address("10.0.0.0" if prefix == 31 else "10.0.0.1"), prefix)
    requests = [links.up(1, "lo"), links.up(7, "left"), addresses.add(7, "left", address)]
    own = Address(IPv4Address("100.64.0.1"), 32)
    requests += [addresses.add(1, "lo", own)]
    gateway = "10.0.0.1" if prefix == 31 else "10.0.0.9"
    requests += routes.add(["100.64.0.4/30", "100.64.0.8/32"], gateway, 7, "left", "100.64.0.1")
    pair.netlink[1].send([links.up(9, "right")])
    pair.netlink[0].send(requests)
    table = [line.split() for line in pair.read(0, "/proc/net/route").splitlines()[1:]]
    destinations = {(row[0], _address(row[1]), _address(row[2])) for row in table}
    assert ("left", "100.64.0.4", gateway) in destinations
    assert ("left", "100.64.0.8", gateway) in destinations
    trie = pair.read(0, "/proc/net/fib_trie")
    assert "100.64.0.1" in trie
    assert ("10.0.0.255" in trie) == (broadcast is not None)
    pair.netlink[0].send([addresses.remove(7, "left", address)])
    assert "10.0.0" not in pair.read(0, "/proc/net/fib_trie")


def _address(hexadecimal: str) -> str:
    return str(IPv4Address(struct.pack("<I", int(hexadecimal, 16))))


def test_a_neighbour_for_good(pair: Pair) -> None:
    pair.netlink[0].send([links.up(7, "left"), neighbours.add(7, "left", "10.0.0.1", bytes((2, 0, 0, 0, 0, 2)))])
    ((address, _, _, mac, _, device),) = [line.split() for line in pair.read(0, "/proc/net/arp").splitlines()[1:]]
    assert (address, mac, device) == ("10.0.0.1", "02:00:00:00:00:02", "left")


def test_a_bridge_and_its_port(pair: Pair) -> None:
    pair.netlink[0].send(
        [links.bridge("br", 20, spanning_tree=True), links.set_master(7, "left", 20), links.up(20, "br")]
    )
    assert any(link.name == "br" and link.is_up for link in links.all_links(pair.netlink[0]))
    with pytest.raises(NetlinkError, match=r"^left: the kernel refuses: Device or resource busy|^left: "):
        pair.netlink[0].send([links.set_master(7, "left", 1)])  # `lo` is no bridge


def test_an_error_names_the_interface_and_the_rest_is_done(pair: Pair) -> None:
    address = Address(IPv4Address("10.0.0.1"), 24)
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
    addresses_ = [Address(IPv4Address(0x0A000001 + number), 32) for number in range(3000)]
    pair.netlink[0].send([addresses.add(7, "left", address) for address in addresses_])
    with pytest.raises(NetlinkError, match=r"10\.0\.11\.184/32.*File exists"):
        pair.netlink[0].send([addresses.add(7, "left", addresses_[-1])])


def test_nothing_to_send(pair: Pair) -> None:
    pair.netlink[0].send([])


def test_netem_is_set_or_said_to_be_missing(pair: Pair) -> None:
    netem = qdiscs.Netem(18_250_000, 0, 0.0, 10**9, 4526, 1)
    with contextlib.suppress(EmulationError):
        require_netem()
        pair.netlink[0].send(qdiscs.set_netem(7, "left", netem))
        return
    with pytest.raises(NetlinkError, match=r"^left, netem: the kernel refuses: No such file") as caught:
        pair.netlink[0].send(qdiscs.set_netem(7, "left", netem))
    assert caught.value.number == errno.ENOENT


def _stages(netem: qdiscs.Netem) -> list[tuple[int, int, dict[int, bytes], tuple[int, ...]]]:
    """Each stage's handle, parent, attributes, and the old fields: latency, limit, loss."""
    found = []
    for request in qdiscs.set_netem(3, "eth", netem):
        _, handle, parent = struct.unpack_from("=iII", request.body, 4)
        outer = dict(attributes(request.body, 20))
        assert outer[1] == b"netem\0"
        found.append((handle, parent, dict(attributes(outer[2], 24)), struct.unpack_from("=III", outer[2])))
    return found


def test_netems_attributes() -> None:
    ((_, parent, inner, fields),) = _stages(qdiscs.Netem(18_250_500, 0, 50.0, 8 * 10**11, 4526, 7))
    assert (parent, fields) == (0xFFFFFFFF, (0, 4526, 2**31))
    assert struct.unpack("=q", inner[10]) == (18_250_500,)
    assert struct.unpack("=q", inner[11]) == (0,)
    assert struct.unpack("=Q", inner[14]) == (7,)
    assert struct.unpack("=Q", inner[8]) == (10**11,)


def test_jitter_is_a_stage_behind_the_rate() -> None:
    """Because netem with a rate keeps order; what is on its way takes no room of the queue, and nothing drops it."""
    waiting = 3000
    in_flight = -(-(10**9) * 20 // (8 * 1500 * 1000))  # 18 ms and 2 ms of jitter
    rate, delay = _stages(qdiscs.Netem(18_000_000, 2_000_000, 50.0, 10**9, in_flight + waiting, 7))
    assert (rate[1], delay[1]) == (0xFFFFFFFF, rate[0] | 1)
    assert (rate[3], delay[3]) == ((0, waiting, 2**31), (0, 2**31 - 1, 0))
    assert [struct.unpack("=qq", stage[2][10] + stage[2][11]) for stage in (rate, delay)] == [
        (0, 0),
        (18_000_000, 2_000_000),
    ]
    assert (6 in rate[2], 6 in delay[2]) == (True, False)
    assert rate[2][14] != delay[2][14]


def test_one_stage_and_two_replace_each_other() -> None:
    """The kernel changes a root queue in place only if its handle stays."""
    one, two = (_stages(qdiscs.Netem(10**6, jitter, 0.0, 10**9, 1000, 7))[0][0] for jitter in (0, 1000))
    assert one != two


def test_a_short_queue_stays_short_with_jitter() -> None:
    rate, _ = _stages(qdiscs.Netem(18_000_000, 2_000_000, 0.0, 10**9, 7, 1))
    assert rate[3][1] == 7


@pytest.mark.parametrize("data", [u32(4, 6), s64(5, -7), text(6, "a"), text(6, "abcd"), nested(7, u32(1, 2))])
def test_attributes_are_padded_and_come_back(data: bytes) -> None:
    assert len(data) % 4 == 0
    assert len(list(attributes(data + data))) == 2


def test_the_thread_comes_back_from_other_namespaces() -> None:
    before = Path("/proc/thread-self/ns/net").readlink()
    ((descriptor, inside),) = namespaces.create(1, lambda _: Path("/proc/thread-self/ns/net").readlink())
    assert Path("/proc/thread-self/ns/net").readlink() == before != inside
    with pytest.raises(ZeroDivisionError), namespaces.entered(descriptor):  # noqa: PT012
        assert Path("/proc/thread-self/ns/net").readlink() == inside
        1 / 0  # noqa: B018
    assert Path("/proc/thread-self/ns/net").readlink() == before
    os.close(descriptor)


def test_namespaces_that_cannot_be_made_leave_no_descriptor() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208

    def fail_at_third(index: int) -> None:
        if index == 2:
            raise EmulationError("no")

    with pytest.raises(EmulationError, match="no"):
        namespaces.create(5, fail_at_third)
    assert os.listdir("/proc/self/fd") == before  # noqa: PTH208
