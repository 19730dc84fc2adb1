"""Addresses and routes, as the kernel's own files show them."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest

from emulator.netlink import addresses, links, routes
from tests.emulator.netlink.pairs import Pair

pytestmark = pytest.mark.networks


@pytest.mark.parametrize(("prefix", "broadcast"), [(31, None), (24, "10.0.0.255")])
def test_addresses_and_routes(pair: Pair, prefix: int, broadcast: str | None) -> None:
    address = f"10.0.0.{0 if prefix == 31 else 1}/{prefix}"
    requests = [links.up(1, "lo"), links.up(7, "left"), addresses.add(7, "left", address)]
    requests += [addresses.add(1, "lo", "100.64.0.1/32")]
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
