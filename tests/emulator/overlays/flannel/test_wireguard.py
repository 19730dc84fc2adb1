"""Flannel's backend `wireguard`: the peers for other hosts, and the route to all of them."""

from __future__ import annotations

import json

import pytest

from emulator.netlink.state import Route, TunnelPeer
from emulator.overlays.flannel.wireguard import WireGuard
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease

BACKEND = WireGuard(HOST, NO_KERNEL)
KEY = "A" * 43 + "="


def test_a_peer_has_the_key_and_the_port_of_its_lease_and_its_subnet_behind_it() -> None:
    data = json.dumps({"PublicKey": KEY, "Port": 4500})
    assert BACKEND.entries(lease(2, "wireguard", data)) == [
        TunnelPeer("flannel-wg", "100.64.0.2:4500", KEY, ("10.244.2.0/24",))
    ]


def test_a_lease_without_a_port_has_wireguards_default() -> None:
    assert BACKEND.entries(lease(2, "wireguard", json.dumps({"PublicKey": KEY}))) == [
        TunnelPeer("flannel-wg", "100.64.0.2:51820", KEY, ("10.244.2.0/24",))
    ]


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        json.dumps({"Port": 51820}),
        json.dumps({"PublicKey": None}),
        json.dumps({"PublicKey": KEY[:-1]}),
        json.dumps({"PublicKey": KEY, "Port": 0}),
        json.dumps({"PublicKey": KEY, "Port": 65536}),
        json.dumps({"PublicKey": KEY, "Port": "51820"}),
    ],
)
def test_a_lease_without_a_key_or_with_an_impossible_port_has_no_peer(data: str) -> None:
    assert BACKEND.entries(lease(2, "wireguard", data)) == []


def test_one_route_leads_to_all_containers_because_wireguard_chooses_among_its_peers() -> None:
    assert BACKEND.common_entries() == [Route("10.244.0.0/16", "flannel-wg", scope="link")]


def test_it_owns_all_entries_on_its_device_and_no_others() -> None:
    assert BACKEND.owns(TunnelPeer("flannel-wg", None, KEY, ()))
    assert BACKEND.owns(Route("192.0.2.0/24", "flannel-wg"))
    assert not BACKEND.owns(TunnelPeer("wg0", None, KEY, ()))
    assert not BACKEND.owns(Route("10.244.0.0/16", "h1-eth0", "10.0.0.1"))
