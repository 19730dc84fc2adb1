"""Packets through the packet filters of a guest's kernel: both engines decide as the policies say."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.system.programs import find_program
from tests.emulator.overlays.guest import run
from tests.emulator.overlays.policy import inside
from tests.emulator.overlays.policy.samples import ALL, CASES

ENGINES = pytest.mark.parametrize("engine", ["nftables", "iptables"])


@pytest.mark.usefixtures("guest_kernel")
def test_the_other_iptables_decides_alike(tmp_path: Path) -> None:
    program = find_program("xtables-legacy-multi")
    if program is None:
        pytest.skip("xtables-legacy-multi is missing: Debian's package iptables has it")
    scenario = inside.verdicts_of_some_cases_with_legacy_iptables
    found = run(tmp_path, "line", "none", scenario, "--containers", "0", legacy_program=program)
    assert "(legacy)" in found.pop("version")
    assert found.pop("left") == []
    assert found == {case: sorted(CASES[case][1]) for case in inside.SOME_CASES}


@pytest.mark.usefixtures("guest_kernel")
def test_a_container_makes_no_tunnel_past_its_policies(tmp_path: Path) -> None:
    assert run(tmp_path, "line", "none", inside.tunnels_of_containers, "--containers", "0") == {
        "VXLAN": False, "another port": True, "to it": True
    }  # fmt: skip


@pytest.mark.usefixtures("guest_kernel")
@ENGINES
def test_packets_pass_or_do_not_as_the_policies_say(tmp_path: Path, engine: str) -> None:
    found = run(tmp_path, "line", "none", inside.verdicts_of_all_cases, "--containers", "0", engine=engine)
    assert found.pop("left") == []
    expected = {case: sorted(passing) for case, (_, passing) in CASES.items()}
    assert found == {"without policies": sorted(ALL), **expected, "after removal": sorted(ALL)}


@pytest.mark.usefixtures("guest_kernel")
@ENGINES
def test_rules_follow_the_containers_and_connections_go_on(tmp_path: Path, engine: str) -> None:
    found = run(tmp_path, "line", "none", inside.what_happens_while_policies_change, "--containers", "0", engine=engine)
    assert found == {
        "unknown": False,
        "known on one host": False,
        "changed": [True, True],
        "unchanged": [False, False],
        "known": True,
        "sets follow": [False, True, False, True],
        "a connection that was allowed": "on",
        "a new one": False,
        "log": ["calico-packet: IN=caliweb OUT=calidb"],
        "log ends": [["10.9.1.2", "10.9.1.3", "ICMP"]],
        "to its own host": False,
        "to its own host, without policies": True,
    }
