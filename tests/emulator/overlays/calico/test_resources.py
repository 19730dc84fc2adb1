"""Calico's resources: their JSON and back, and values that are malformed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from ipaddress import IPv4Network

import pytest

from emulator.overlays.calico import resources
from emulator.overlays.calico.resources import Node, Workload
from tests.emulator.samples import ROOT

NODE = Node("h1", "100.64.0.1")
WORKLOAD = Workload("c1", "my-host", "10.244.1.0", "0a:58:0a:f4:01:00", "calic1", {"role": "web"})


def test_a_node_is_the_same_after_json() -> None:
    cases = (
        (NODE, None),
        (Node("h1", "100.64.0.1", cluster_id="224.0.0.1"), None),
        (Node("h1", "100.64.0.1", "10.244.1.0"), "ipip"),
        (Node("h1", "100.64.0.1", "10.244.1.0", "66:00:00:00:00:01"), "vxlan"),
    )
    for node, kind in cases:
        assert resources.node_from_json(resources.node_to_json(node, tunnel_kind=kind)) == node


def test_a_tunnels_mac_address_that_is_none_is_left_out() -> None:
    text = resources.node_to_json(Node("h1", "100.64.0.1", "10.244.1.0", "nonsense"), tunnel_kind="vxlan")
    assert resources.node_from_json(text).tunnel_mac is None


def test_a_reflectors_node_has_the_label_that_others_select_it_by() -> None:
    text = resources.node_to_json(Node("h1", "100.64.0.1", cluster_id="224.0.0.1"), tunnel_kind=None)
    assert json.loads(text)["metadata"]["labels"] == {"route-reflector": "true"}
    peering = json.loads(resources.reflector_peering_to_json())["spec"]
    assert peering == {"nodeSelector": "all()", "peerSelector": "route-reflector == 'true'"}


def test_a_workload_is_the_same_after_json_and_its_name_has_its_dashes_twice() -> None:
    text = resources.workload_to_json(WORKLOAD)
    assert resources.workload_from_json(text) == WORKLOAD
    assert json.loads(text)["metadata"]["name"] == "my--host-cni-c1-eth0"
    assert resources.workload_key("my-host", "c1").endswith("/workloadendpoints/default/my--host-cni-c1-eth0")


def test_an_affinity_is_the_same_after_json() -> None:
    block = IPv4Network("10.244.1.0/26")
    key = resources.affinity_key("h1", block)
    assert key == "/calico/ipam/v2/host/h1/ipv4/block/10.244.1.0-26"
    for state, is_confirmed in (("confirmed", True), ("pending", False), ("pendingDeletion", False)):
        value = resources.affinity_to_json(state)
        assert resources.affinity_from_item(key, value) == ("h1", block, is_confirmed)
    assert resources.affinity_from_item(key, "") == ("h1", block, True)  # as old versions wrote it


def test_a_pool_says_how_its_packets_are_wrapped() -> None:
    for kind, modes in ((None, ("Never", "Never")), ("ipip", ("Always", "Never")), ("vxlan", ("Never", "Always"))):
        spec = json.loads(resources.pool_to_json(IPv4Network("10.244.0.0/16"), tunnel_kind=kind))["spec"]
        assert (spec["ipipMode"], spec["vxlanMode"]) == modes
        assert (spec["cidr"], spec["blockSize"]) == ("10.244.0.0/16", 26)


def test_the_clusters_information_says_whether_the_store_is_ready() -> None:
    text = resources.cluster_to_json()
    assert resources.is_cluster_ready(text)
    assert not resources.is_cluster_ready(text.replace("true", "false"))
    assert resources.is_mesh(resources.bgp_to_json(is_mesh=True))
    assert not resources.is_mesh(resources.bgp_to_json(is_mesh=False))
    assert resources.is_mesh("{}")


@pytest.mark.parametrize("text", ["", "[]", "1", '{"spec":[]}', '{"spec":{"bgp":1}}', "{}", "[" * 100_000])
@pytest.mark.parametrize("parse", [resources.node_from_json, resources.workload_from_json])
def test_what_is_malformed_is_refused(parse: Callable[[str], object], text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(text)


def test_two_runs_write_the_same() -> None:
    script = f"from {resources.__name__} import profile_to_json; print(profile_to_json())"
    command, first, second = [sys.executable, "-c", script], *({**os.environ, "PYTHONHASHSEED": it} for it in "12")
    texts = [subprocess.check_output(command, cwd=ROOT, env=own, text=True) for own in (first, second)]
    assert json.loads(texts[0])
    assert texts[0] == texts[1]
    assert str(resources.uid("Node/h1")) == "be1cc649-fbdc-5ffe-b1c5-25913595eaec"
