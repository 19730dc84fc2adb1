"""The kernel's state as data: what is written through a handle is read back as it was meant, and differences are."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import asdict
from typing import Any

import pyroute2  # type: ignore[import-untyped]
import pytest

from emulator.lab.underlay import empty_namespace
from emulator.netlink.handle import Handle
from emulator.netlink.state import InterfaceAddress, KernelState, Link, Neighbour, difference, read
from tests.emulator.netlink.entries import ADDRESS, CONNECTED, ENTRIES, MAC, NEIGHBOUR, OTHER_MAC, ROUTE, ip

IP_ROUTE = pyroute2.IPRoute

pytestmark = pytest.mark.networks


class WithoutIpv6:
    """A netlink socket of a kernel with `ipv6.disable=1`, which answers for IPv6 with the entries of all families."""

    def __init__(self) -> None:
        self._kernel = IP_ROUTE()

    def __enter__(self) -> WithoutIpv6:
        return self

    def __exit__(self, *_: object) -> None:
        self._kernel.close()

    def get_addr(self, family: int) -> list[Any]:
        return [it for each in _asked(family) for it in self._kernel.get_addr(family=each)]

    def get_neighbours(self, family: int) -> list[Any]:
        return [it for each in _asked(family) for it in self._kernel.get_neighbours(family=each)]

    def get_routes(self, family: int, table: int) -> list[Any]:
        return [it for each in _asked(family) for it in self._kernel.get_routes(family=each, table=table)]

    def fdb(self, command: str) -> list[Any]:
        return list(self._kernel.fdb(command))

    def get_links(self) -> list[Any]:
        return list(self._kernel.get_links())


def _asked(family: int) -> tuple[int, ...]:
    return (socket.AF_INET, socket.AF_INET6) if family == socket.AF_INET6 else (family,)


def test_what_is_written_is_what_is_read(namespace: int, handle: Handle) -> None:
    for entry in ENTRIES:
        handle.put(entry)
    state = read(namespace)
    assert Link("br0", "bridge", 1400, MAC, None, True, 1000) in state.links
    assert ADDRESS in state.addresses
    assert state.neighbours == (ENTRIES[0],)
    assert set(state.routes) == {CONNECTED, *ENTRIES[1:]}


def test_another_program_sees_the_same(namespace: int, handle: Handle) -> None:
    for entry in ENTRIES:
        handle.put(entry)
    assert ip(namespace, "route").replace("linkdown ", "").splitlines() == [
        "default via 10.1.0.9 dev br0 ",
        "10.1.0.0/24 dev br0 proto kernel scope link src 10.1.0.1 ",
        "10.2.0.0/24 via 10.2.0.0 dev br0 onlink ",
        "10.3.0.0/16 dev br0 scope link ",
        "10.4.0.0/16 via 10.1.0.9 dev br0 proto static src 10.1.0.1 ",
        "blackhole 10.5.0.0/26 proto 80 ",
    ]
    assert ip(namespace, "neigh").strip() == f"10.2.0.0 dev br0 lladdr {OTHER_MAC} PERMANENT"


def test_putting_again_changes_and_dropping_removes(namespace: int, handle: Handle) -> None:
    handle.put(Neighbour("br0", "10.2.0.0", MAC))
    for entry in (*ENTRIES, *ENTRIES):
        handle.put(entry)
    assert read(namespace).neighbours == (ENTRIES[0],)
    for entry in ENTRIES:
        handle.drop(entry)
    handle.remove_address(ADDRESS)
    state = read(namespace)
    assert (state.neighbours, state.routes, state.addresses) == ((), (), (InterfaceAddress("lo", "127.0.0.1/8"),))
    handle.delete_link("br0")
    assert [link.name for link in read(namespace).links] == ["lo"]


def test_a_veth_is_in_both_namespaces_and_on_its_bridge(namespace: int, handle: Handle) -> None:
    far = empty_namespace()
    try:
        handle.add_veth("port", mac=OTHER_MAC, peer="eth0", peer_namespace=far, peer_mac=MAC, mtu_bytes=1400)
        handle.set_up("port", master="br0")
        assert Link("port", "veth", 1400, OTHER_MAC, "br0", True, 1000) in read(namespace).links
        assert Link("eth0", "veth", 1400, MAC, None, False, 1000) in read(far).links
    finally:
        os.close(far)


def test_what_was_learned_is_not_what_was_told(namespace: int, handle: Handle) -> None:
    ip(namespace, "neigh", "add", "10.1.0.7", "lladdr", MAC, "dev", "br0", "nud", "stale")
    assert "10.1.0.7" in ip(namespace, "neigh")
    assert handle.has_link("br0")
    assert read(namespace).neighbours == ()


def test_a_difference_is_what_is_new_or_changed(namespace: int, handle: Handle) -> None:
    before = read(namespace)
    for entry in ENTRIES[:2]:
        handle.put(entry)
    handle.set_up("br0", mtu_bytes=1300)
    after = read(namespace)
    assert difference(after, before) == KernelState(
        links=(Link("br0", "bridge", 1300, MAC, None, True, 1000),), neighbours=(NEIGHBOUR,), routes=(ROUTE,)
    )
    assert difference(before, before) == KernelState()


def test_each_entry_comes_once_from_a_kernel_without_ipv6(
    namespace: int, handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    for entry in ENTRIES:
        handle.put(entry)
    expected = read(namespace)
    assert expected.routes
    assert expected.addresses
    monkeypatch.setattr(pyroute2, "IPRoute", WithoutIpv6)
    assert read(namespace) == expected


def test_a_state_goes_to_json_in_the_same_order_each_time(namespace: int, handle: Handle) -> None:
    for entry in ENTRIES:
        handle.put(entry)
    first = json.dumps(asdict(read(namespace)))
    for entry in ENTRIES:
        handle.drop(entry)
    for entry in reversed(ENTRIES):
        handle.put(entry)
    assert json.dumps(asdict(read(namespace))) == first
