"""The way of a packet through a host, over each variant of each overlay."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.cpu.model import CONTAINER_STAGES, OWN_STAGES, TRANSIT_STAGES, CpuModel
from emulator.cpu.shipped import find_table, tables
from emulator.cpu.table import STAGES
from emulator.options import OverlayOptions
from emulator.outside.request import request_run
from emulator.overlays.catalog import stages_by_way, ways
from emulator.overlays.model import UDP
from emulator.overlays.weave import OVERLAY as WEAVE
from emulator.plan import Options, from_json, to_json
from emulator.plan.cpu import CpuError, check_names, cpu_choice
from emulator.plan.model import Plan
from emulator.system.errors import UnknownNameError
from tests.emulator.topologies import joined

TABLE = str(Path(__file__).parents[3] / "examples" / "cost_table.toml")


def planned(*cpus: str, overlay: str = "flannel:vxlan") -> Plan:
    choice = cpu_choice(TABLE, cpus)
    task = request_run(joined([("a", "b")]), Options(cpu=choice), OverlayOptions(overlay)).task
    check_names(task.plan, choice, task.container_names)
    return task.plan


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


def test_a_container_has_the_limit_that_is_given_by_its_name() -> None:
    found = planned("c2=0.25", "a=0.5")
    assert found.cpu is not None
    assert (found.cpu.cpus, found.cpu.limits) == ({"a": 0.5, "b": 2.0}, {"c2": 0.25})
    assert "c2 at most 0.25" in found.cpu.label
    assert from_json(to_json(found)) == found


def test_a_host_comes_before_a_container_of_its_name() -> None:
    choice = cpu_choice(TABLE, ["c1=0.5"])
    task = request_run(joined([("c1", "b")]), Options(cpu=choice), OverlayOptions("flannel:vxlan")).task
    assert task.plan.cpu is not None
    assert (task.plan.cpu.cpus["c1"], task.plan.cpu.limits) == (0.5, {})


@pytest.mark.parametrize(
    ("cpus", "overlay", "error", "message"),
    [
        (["c2=3"], "flannel:vxlan", CpuError, "c2 cannot have 3 processors, because its host b has 2"),
        (["b=0.5", "c2=1"], "flannel:vxlan", CpuError, "c2 cannot have 1 processors, because its host b has 0.5"),
        (["c2=0.5"], "none", CpuError, "c2 cannot have processors of its own, because a container of none sends"),
        (["c22=0.5"], "flannel:vxlan", UnknownNameError, r"no such host or container; did you mean `c2`\?"),
    ],
)
def test_a_limit_that_no_container_can_have_is_refused(
    cpus: list[str], overlay: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        planned(*cpus, overlay=overlay)
