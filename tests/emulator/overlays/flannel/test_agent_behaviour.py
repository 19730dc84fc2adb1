"""The actions of the real `flanneld` on each event beside those of the built-in agent, in the virtual clock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.emulator.overlays.flannel import agent_scenarios
from tests.emulator.overlays.flannel.differences import BEHAVIOURS, ENDLESS, LOSES_DATA, VARIANTS
from tests.emulator.overlays.guest import run
from tests.emulator.samples import ROOT, Cli

pytestmark = pytest.mark.usefixtures("guest_kernel", "flanneld")

AGENTS = ("built-in", "real")
TOPOLOGIES = {"host-gw": "star"}
"""The topology of a variant that is not tested over the mesh: `flanneld` needs all hosts in one Ethernet."""


def perform(folder: Path, variant: str, agent: str, scenario: Any, **parameters: object) -> dict[str, Any]:
    topology = TOPOLOGIES.get(variant, "mesh")
    return run(folder, topology, f"flannel:{variant}", scenario, "--agent", agent, **parameters)


@pytest.mark.parametrize("agent", AGENTS)
@pytest.mark.parametrize("variant", VARIANTS)
def test_each_agent_does_on_each_event_what_the_list_says(tmp_path: Path, variant: str, agent: str) -> None:
    expected = {
        item.event: item.built_in if agent == "built-in" else item.real
        for item in BEHAVIOURS
        if variant in item.variants and item.event != LOSES_DATA
    }
    # which only a test without the virtual clock's other tests can show, below
    endless = {event for event, outcome in expected.items() if outcome == ENDLESS}
    found = perform(tmp_path, variant, agent, agent_scenarios.behaviours)
    assert found == {event: outcome for event, outcome in expected.items() if event not in endless}


def test_a_flanneld_of_udp_that_has_lost_its_device_computes_without_end(overlaid: Cli) -> None:
    done = overlaid(
        # a busy machine needs seconds for what a program computes at its start
        *("flannel:udp", "--agent", "h2=real", "--patience", "20"),
        *("--exec", "h2: ip link del flannel0; sleep 10"),
    )
    assert done.returncode == 125
    assert "the virtual clock has stood still for 20 s" in done.stderr
    assert "(flanneld runs)" in done.stderr


@pytest.mark.parametrize("agent", AGENTS)
def test_a_store_that_has_lost_its_data(tmp_path: Path, agent: str) -> None:
    found = perform(tmp_path, "vxlan", agent, agent_scenarios.lose_the_data_of_the_store)
    assert all(found["pairs"])
    assert found["running"]
    is_built_in = agent == "built-in"
    assert (found["has_all"], found["told"]) == (is_built_in, is_built_in)
    assert found["leases"] == (5 if is_built_in else 0)


def test_the_page_has_the_list_of_behaviours_and_nothing_else() -> None:
    page = (ROOT / "docs" / "agents.md").read_text(encoding="utf-8")
    table = page.partition("| event | variants |")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [item.row for item in BEHAVIOURS]
