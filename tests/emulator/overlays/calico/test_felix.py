"""Felix's part on this machine's kernel: the entries that a host wants, those it has, and those that others made."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from ipaddress import IPv4Network

import pytest

from emulator.lab.underlay import empty_namespace
from emulator.netlink import namespaces
from emulator.netlink.changes import Changes
from emulator.netlink.handle import Entry, Handle
from emulator.netlink.state import FdbEntry, InterfaceAddress, Neighbour, Route, read_here
from emulator.overlays.calico import workloads
from emulator.overlays.calico.felix import Dataplane, entries
from emulator.overlays.calico.overlay import Calico
from emulator.overlays.calico.resources import Node, Workload
from emulator.overlays.calico.snapshot import Snapshot
from emulator.overlays.calico.tunnels import Ipip, Vxlan
from emulator.overlays.model import OverlaySpec

OWN = Node("h1", "100.64.0.1", "10.244.1.0", "66:ac:4a:e9:72:85")
OTHER = Node("h2", "100.64.0.2", "10.244.2.0", "66:bf:1c:36:57:41")
CONTAINER = Workload("c1", "h1", "10.244.1.1", "0a:58:0a:f4:01:01", "calic1")
SNAPSHOT = Snapshot(
    nodes={"h1": OWN, "h2": OTHER},
    workloads={
        "1": CONTAINER,
        "2": Workload("c2", "h2", "10.244.2.1", "0a:58:0a:f4:02:01", "calic2"),
        "3": Workload("c3", "h1", "10.244.1.2", "0a:58:0a:f4:01:02", "eth0"),
    },
    blocks={IPv4Network("10.244.1.0/26"): "h1", IPv4Network("10.244.2.0/26"): "h2", IPv4Network("10.244.9.0/26"): "h9"},
)
TO_CONTAINER = Route("10.244.1.1/32", "calic1", scope="link")
BLACKHOLE = Route("10.244.1.0/26", None, protocol="80", type="blackhole")
BY_VXLAN: list[Entry] = [
    Neighbour("vxlan.calico", "10.244.2.0", "66:bf:1c:36:57:41"),
    FdbEntry("vxlan.calico", "66:bf:1c:36:57:41", "100.64.0.2"),
    Route("10.244.2.0/26", "vxlan.calico", "10.244.2.0", flags=("onlink",), protocol="80"),
]


def test_without_a_tunnel_felix_wants_the_routes_to_its_containers_only() -> None:
    assert entries(SNAPSHOT, OWN, ()) == [TO_CONTAINER]


def test_with_a_tunnel_felix_wants_the_blocks_of_hosts_with_a_node() -> None:
    by_ipip = Route("10.244.2.0/26", "tunl0", "100.64.0.2", flags=("onlink",), protocol="80")
    assert entries(SNAPSHOT, OWN, [Ipip()]) == [TO_CONTAINER, BLACKHOLE, by_ipip]
    assert entries(SNAPSHOT, OWN, [Vxlan()]) == [TO_CONTAINER, BLACKHOLE, *BY_VXLAN]


def test_vxlan_computes_the_mac_address_that_a_node_does_not_name_and_needs_its_tunnel() -> None:
    assert Vxlan().entries(Node("h2", "100.64.0.2", "10.244.2.0"), [IPv4Network("10.244.2.0/26")]) == BY_VXLAN
    assert Vxlan().entries(Node("h2", "100.64.0.2"), [IPv4Network("10.244.2.0/26")]) == []


@pytest.fixture
def host() -> Iterator[Handle]:
    """The kernel of a host with a container, c1, whose namespace the test's thread is in."""
    namespace, container = empty_namespace(), empty_namespace()
    try:
        workloads.join(namespace, container, CONTAINER, 1450)
        with namespaces.entered(namespace), Handle(namespace) as kernel:
            yield kernel
    finally:
        os.close(namespace)
        os.close(container)


@pytest.fixture
def vxlan() -> Vxlan:
    """Calico's tunnel of VXLAN, which it skips where this kernel has none."""
    for sentence in Calico.lacks(OverlaySpec("calico", "vxlan", (), (), "10.244.0.0/16", "process")):
        pytest.skip(sentence)
    return Vxlan()


def owned() -> list[Entry]:
    state = read_here()
    routes = [it for it in state.routes if it.protocol != "kernel"]
    return [*routes, *state.neighbours, *state.fdb]


@pytest.mark.networks
def test_the_kernel_gets_what_is_wanted_and_keeps_what_is_others(host: Handle, vxlan: Vxlan) -> None:
    host.put(Route("10.250.0.0/24", None, type="blackhole"))
    with Changes() as changes:
        dataplane = Dataplane(host, changes, [vxlan])
        dataplane.update(OWN, 1450, entries(SNAPSHOT, OWN, [vxlan]))
        foreign = Route("10.250.0.0/24", None, type="blackhole")
        assert set(owned()) == {foreign, TO_CONTAINER, BLACKHOLE, *BY_VXLAN}
        assert InterfaceAddress("vxlan.calico", "10.244.1.0/32") in read_here().addresses
        dataplane.update(OWN, 1450, [TO_CONTAINER, BLACKHOLE])
        assert set(owned()) == {foreign, TO_CONTAINER, BLACKHOLE}
        dataplane.clear()
        assert owned() == [foreign]
        assert "vxlan.calico" not in [link.name for link in read_here().links]


@pytest.mark.networks
def test_stale_entries_go_with_the_first_update_and_damage_at_the_check(
    host: Handle, vxlan: Vxlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.put(Route("10.244.7.0/26", None, protocol="80", type="blackhole"))
    host.put(Route("10.244.1.9/32", "calic1", scope="link"))
    monkeypatch.setattr(Dataplane, "check_interval_s", 0.0)
    with Changes() as changes:
        dataplane = Dataplane(host, changes, [vxlan])
        dataplane.update(OWN, 1450, [TO_CONTAINER, *BY_VXLAN])
        assert set(owned()) == {TO_CONTAINER, *BY_VXLAN}
        host.delete_link("vxlan.calico")
        host.drop(TO_CONTAINER)
        dataplane.next_check_s = time.monotonic()
        dataplane.check()
        assert set(owned()) == {TO_CONTAINER, *BY_VXLAN}


@pytest.mark.networks
def test_a_container_that_has_ended_is_logged_and_tried_again(
    host: Handle, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataplane, "check_interval_s", 0.0)
    gone = Route("10.244.1.8/32", "calic8", scope="link")
    with Changes() as changes:
        dataplane = Dataplane(host, changes, ())
        dataplane.update(OWN, 1500, [gone, TO_CONTAINER])
        assert owned() == [TO_CONTAINER]
        assert "calic8" in capsys.readouterr().err
        host._add("calic8", {"kind": "veth", "state": "up"})
        dataplane.check()
        assert set(owned()) == {gone, TO_CONTAINER}
        dataplane.update(OWN, 1500, [TO_CONTAINER])
        assert owned() == [TO_CONTAINER]


@pytest.mark.networks
@pytest.mark.usefixtures("host")
def test_a_container_that_is_joined_again_has_one_interface() -> None:
    current, container = namespaces.current("net"), empty_namespace()
    try:
        workloads.join(current, container, CONTAINER, 1400)
        state = read_here()
        assert owned() == [TO_CONTAINER]
    finally:
        os.close(current)
        os.close(container)
    (link,) = (link for link in state.links if link.name == "calic1")
    assert (link.mtu_bytes, link.mac) == (1400, "ee:ee:ee:ee:ee:ee")
