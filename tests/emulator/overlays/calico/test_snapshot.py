"""The snapshot of the store that an agent follows, event by event."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest

from emulator.overlays.calico import resources
from emulator.overlays.calico.resources import Node, Workload
from emulator.overlays.calico.snapshot import Snapshot
from emulator.stores.client import Event, KeyValue, Listing

NODE = Node("h1", "100.64.0.1")
WORKLOAD = Workload("c1", "h1", "10.244.1.0", "0a:58:0a:f4:01:00", "calic1")
BLOCK = IPv4Network("10.244.1.0/26")
VALUES = {
    resources.node_key("h1"): resources.node_to_json(NODE, tunnel_kind=None),
    resources.workload_key("h1", "c1"): resources.workload_to_json(WORKLOAD),
    resources.affinity_key("h1", BLOCK): resources.affinity_to_json("confirmed"),
    resources.CLUSTER_KEY: resources.cluster_to_json(),
    resources.BGP_KEY: resources.bgp_to_json(is_mesh=False),
    "/calico/ipam/v2/handle/net.c1": "{}",
}


def item(key: str, value: str = "") -> KeyValue:
    return KeyValue(key, value, 1, 1, 0)


def full() -> Snapshot:
    return Snapshot.of(Listing(1, tuple(item(key, value) for key, value in VALUES.items())))


def test_a_listing_gives_nodes_containers_blocks_and_how_hosts_peer() -> None:
    found = full()
    assert found.nodes == {"h1": NODE}
    assert list(found.workloads.values()) == [WORKLOAD]
    assert found.blocks == {BLOCK: "h1"}
    assert found.blocks_of("h1", 4) == [BLOCK]
    assert found.blocks_of("h1", 6) == found.blocks_of("h2", 4) == []
    assert (found.is_ready, found.is_mesh) == (True, False)


def test_deletions_bring_it_back_to_where_it_began() -> None:
    found = full()
    for key in VALUES:
        found.apply(Event("delete", item(key)))
    assert found == Snapshot()


def test_a_block_counts_while_its_affinity_is_confirmed() -> None:
    found, key = full(), resources.affinity_key("h1", BLOCK)
    found.apply(Event("put", item(key, resources.affinity_to_json("pendingDeletion"))))
    assert found.blocks == {}
    found.apply(Event("put", item(resources.affinity_key("h2", BLOCK), resources.affinity_to_json("confirmed"))))
    found.apply(Event("delete", item(key)))
    assert found.blocks == {BLOCK: "h2"}


@pytest.mark.parametrize("value", ["", "[]", "{}", "[" * 100_000, '{"metadata":{"name":"h9"},"spec":{}}'])
def test_a_malformed_value_is_passed_over_and_logged(value: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = full()
    found.apply(Event("put", item(resources.node_key("h2"), value)))
    found.apply(Event("put", item(f"{resources.AFFINITIES}h2/ipv4/block/nonsense", value)))
    assert (list(found.nodes), list(found.blocks)) == (["h1"], [BLOCK])
    assert "is ignored" in capsys.readouterr().err


def test_a_node_under_the_name_of_another_is_passed_over() -> None:
    found = Snapshot()
    found.apply(Event("put", item(resources.node_key("h2"), VALUES[resources.node_key("h1")])))
    assert found.nodes == {}
