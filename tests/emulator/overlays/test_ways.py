"""The way of a packet through a host, over each variant of each overlay."""

from __future__ import annotations

import re

import pytest

from emulator.cpu.model import CONTAINER_STAGES, OWN_STAGES, TRANSIT_STAGES, CpuModel
from emulator.cpu.shipped import find_table, tables
from emulator.cpu.table import STAGES
from emulator.overlays.catalog import stages_by_way, ways
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


def lacking(name: str) -> set[str]:
    """Return the stages that a shipped table lacks for hosts, routers and all overlays."""
    table = find_table(name)
    assert table is not None
    model = CpuModel.of(table, {}, offload=True)
    return {stage for stages in stages_by_way().values() for stage in model.missing(stages)}


def test_all_kinds_of_packets_have_their_stages() -> None:
    found = stages_by_way()
    assert found["a host itself"] == OWN_STAGES
    assert found["forwarding"] == TRANSIT_STAGES
    assert {name for name, way in ways().items() if not way.is_own} < found.keys()
    assert set(found["weave:fastdp, encrypted"]) - set(found["weave:fastdp"]) == {"ipsec"}
    assert [name for name in found if name.endswith(", encrypted")] == ["weave:fastdp, encrypted"]


@pytest.mark.parametrize("name", tables())
def test_a_shipped_table_has_all_stages_or_says_which_it_lacks(name: str) -> None:
    table = find_table(name)
    assert table is not None
    said = set(re.findall(r"[a-z-]+", table.description.partition("without ")[2])) & STAGES.keys()
    assert said == lacking(name)
    # without these, no network can be made
    assert not lacking(name) & {*OWN_STAGES, *TRANSIT_STAGES}


def test_the_table_of_the_study_is_for_every_overlay() -> None:
    assert lacking("study-2016") == set()
