"""Flannel's backend `vxlan`: the entries for other hosts, and the data of its lease."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from emulator.netlink.handle import Entry
from emulator.netlink.state import FdbEntry, Neighbour, Route
from emulator.overlays.flannel.vxlan import Vxlan
from tests.emulator.overlays.flannel.samples import HOST, NO_KERNEL, lease

BACKEND = Vxlan(HOST, NO_KERNEL)
MAC = "0e:f1:64:40:00:02"
ENTRIES: list[Entry] = [
    Neighbour("flannel.1", "10.244.2.0", MAC),
    FdbEntry("flannel.1", MAC, "100.64.0.2"),
    Route("10.244.2.0/24", "flannel.1", "10.244.2.0", flags=("onlink",)),
]


def test_a_lease_has_the_vni_and_the_devices_mac_address_which_holds_the_hosts_address() -> None:
    assert json.loads(BACKEND.lease_data()) == {"VNI": 1, "VtepMAC": "0e:f1:64:40:00:01"}


def test_a_peer_is_a_neighbour_an_fdb_entry_and_at_last_a_route() -> None:
    other = Vxlan(replace(HOST, public_ip="100.64.0.2"), NO_KERNEL)
    assert BACKEND.entries(lease(2, "vxlan", other.lease_data())) == ENTRIES


def test_a_mac_address_in_capitals_is_the_same() -> None:
    assert BACKEND.entries(lease(2, "vxlan", json.dumps({"VNI": 1, "VtepMAC": MAC.upper()}))) == ENTRIES


@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        '"0e:f1:64:40:00:02"',
        '{"VNI":1}',
        '{"VNI":1,"VtepMAC":null}',
        '{"VNI":1,"VtepMAC":"0e:f1:64:40:00"}',
        '{"VNI":1,"VtepMAC":"0e:f1:64:40:00:02:03"}',
        '{"VNI":2,"VtepMAC":"0e:f1:64:40:00:02"}',
        '{"VtepMAC":"0e:f1:64:40:00:02"}',
    ],
)
def test_a_lease_without_a_mac_address_or_with_another_vni_has_no_entries(data: str) -> None:
    assert BACKEND.entries(lease(2, "vxlan", data)) == []


def test_it_owns_all_entries_on_its_device_and_no_others() -> None:
    assert all(BACKEND.owns(entry) for entry in ENTRIES)
    assert BACKEND.owns(Route("192.0.2.0/24", "flannel.1"))
    assert not BACKEND.owns(Route("10.244.2.0/24", "h1-eth0", "10.0.0.1"))
