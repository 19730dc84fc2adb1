"""The way of a packet through a host, over each variant of each overlay."""

from __future__ import annotations

from emulator.cpu.model import CONTAINER_STAGES, OWN_STAGES
from emulator.cpu.table import STAGES
from emulator.overlays.catalog import ways
from emulator.overlays.model import UDP
from emulator.overlays.weave import OVERLAY as WEAVE


def test_each_variant_has_a_way_of_known_stages() -> None:
    for name, way in ways().items():
        assert {*way.stages} <= STAGES.keys(), name
        assert way.is_own is (name == "none:host")
        assert way.is_own or {*CONTAINER_STAGES} <= {*way.stages}, name
        assert (way.port is not None) is (way.protocol == UDP), name


def test_hosts_packets_pass_no_containers_interfaces() -> None:
    assert ways()["none:host"].stages == OWN_STAGES


def test_the_packets_of_two_variants_are_told_apart_by_their_ports() -> None:
    found = ways()
    assert (found["flannel:vxlan"].port, found["libnetwork:kv"].port, found["geneve:mesh"].port) == (8472, 4789, 6081)
    assert found["flannel:host-gw"].protocol is None


def test_encryption_costs_a_stage() -> None:
    assert "ipsec" in WEAVE.way("fastdp", is_encrypted=True).stages
