"""The workload `convergence`, over two hosts in a guest: what a start, a cut and a death cost, in the virtual clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.plan import plan
from emulator.system.errors import UnknownNameError
from emulator.workloads.convergence import find_circuit, find_host
from gtsdsl import load
from tests.emulator.samples import MESH, Cli, with_link

MESH_PLAN = plan(load(MESH))
RTT_S = 0.0362
FAULT_S, STEP_S = 5, 0.1
PAUSES_S = 2
"""An agent waits 0.1, 0.2 and 0.4 s for the store, and the kernel repeats an ARP request after 1 s."""


def measured(gtsdsl: Cli, pair: Path, folder: Path, *arguments: str) -> dict[str, dict[str, Any]]:
    """Return what a benchmark of two hosts measured, by overlay."""
    command = ["bench", str(pair), "--workloads", "convergence", "--setting", f"convergence.fault_s={FAULT_S}"]
    # one worker, because with more a warning may say that the machine's memory is too small for them
    done = gtsdsl(*command, *arguments, "--workers", "1", "-o", str(folder))
    assert done.returncode == 0, done.stderr
    assert "warning: " not in done.stderr
    cells = json.loads((folder / "results.json").read_text())["cells"]
    assert {cell["circuit"] for cell in cells} == {"all"}
    return {cell["overlay"]: cell["measured"] for cell in cells}


def figures(found: dict[str, Any]) -> dict[str, float | None]:
    return {item["name"]: item["value"] for item in found["figures"]}


@pytest.mark.usefixtures("guest_kernel")
def test_each_fault_has_its_figures(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    found = measured(gtsdsl, pair, tmp_path / "report", "--overlays", "none,flannel:udp")
    for overlay in found.values():
        values = figures(overlay)
        start_s = values["start.last"] or 0.0
        assert RTT_S < start_s < PAUSES_S
        assert values["start.first"] == values["start.mean"] == start_s
        assert [it["values"] for it in overlay["series"]] == [[values["start.last"]]]
        for fault in "cut", "silent_cut":  # nothing goes round the only circuit
            assert values[f"{fault}.mended"] is None
            assert f"{fault}: c1-c2 did not reach each other until it ended" in overlay["remarks"]
            back_s = values[f"{fault}.back"]
            assert back_s is not None
            assert back_s < 1.3  # the kernel repeats an ARP request after 1 s; echoes wait for it
            lost = values[f"{fault}.lost"] or 0.0
            assert FAULT_S / STEP_S - 1 <= lost <= (FAULT_S + back_s) / STEP_S + 1
            assert values[f"{fault}.pairs"] == 1

    none, udp = figures(found["none"]), figures(found["flannel:udp"])
    assert "store_cut.back" not in none
    assert "store_cut is not measured: none has no store" in found["none"]["remarks"]
    assert "agent_killed is not measured: none has no agent on h2" in found["none"]["remarks"]
    # the store decides nothing about packets, nor about a container on a host with a subnet
    assert (udp["store_cut.mended"], udp["store_cut.back"], udp["store_cut.lost"]) == (0, 0, 0)
    assert None not in {udp["store_cut.join"], udp["store_cut.join_after"]}
    # the forwarder of `udp` is the agent
    assert udp["agent_killed.mended"] is None
    assert 0 < (udp["agent_killed.back"] or 0) < PAUSES_S


@pytest.mark.usefixtures("guest_kernel")
def test_two_runs_are_the_same_to_the_byte_and_hosts_have_faults_of_circuits_only(
    gtsdsl: Cli, pair: Path, tmp_path: Path
) -> None:
    arguments = ["--overlays", "geneve", "--setting", "convergence.faults=start,cut,agent_killed", "--hosts-too"]
    first, second = (measured(gtsdsl, pair, tmp_path / name, *arguments) for name in ("first", "second"))
    assert first == second
    cells = json.loads((tmp_path / "first" / "results.json").read_text())["cells"]
    (hosts,) = (cell["measured"] for cell in cells if cell["level"] == "hosts")
    assert {name.partition(".")[0] for name in figures(hosts)} == {"cut"}
    reason = "the network between the hosts does not depend on the overlay"
    assert hosts["remarks"][:1] == [f"start is not measured: {reason}"]


@pytest.mark.parametrize("name", ["l1", "AMS-MIL", "mil-ams", "h2-h1", ""])
def test_a_circuit_is_named_by_its_id_its_sites_or_its_hosts(name: str) -> None:
    assert find_circuit(MESH_PLAN, name) is MESH_PLAN.circuits[0]


def test_a_circuit_or_a_host_that_is_not_there_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match=r"convergence\.circuit: the topology has no circuit x; name a link"):
        find_circuit(MESH_PLAN, "x")
    with pytest.raises(UnknownNameError, match=r"convergence\.host: the topology has no host h9; the hosts are h1, h2"):
        find_host(("h1", "h2"), "h9")
    assert find_host(("h1", "h2", "h3"), "") == "h2"
    assert find_host(("h1",), "") == "h1"


@pytest.mark.usefixtures("guest_kernel")
def test_random_delays_and_losses_are_no_change(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    with_link(pair, 'jitter = "2ms"; loss = "1%"')
    arguments = ["--overlays", "none", "--setting", "convergence.faults=cut"]
    found = measured(gtsdsl, pair, tmp_path / "report", *arguments)["none"]
    assert "cut: circuits lose packets by themselves, and these losses count too" in found["remarks"]
    values = figures(found)
    assert values["cut.mended"] is None
    assert (values["cut.lost"] or 0) >= FAULT_S / STEP_S - 1
    assert values["cut.back"] is not None


@pytest.mark.usefixtures("guest_kernel")
def test_a_pair_that_loses_most_echoes_is_not_left_out(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    with_link(pair, 'loss = "60%"')
    settings = ("faults=cut", "interval_s=0.02", "wait_s=1")  # of the 100 echoes before the cut, the last one is lost
    arguments = [word for it in settings for word in ("--setting", f"convergence.{it}")]
    found = measured(gtsdsl, pair, tmp_path / "report", "--overlays", "none", *arguments)["none"]
    assert not any("left out" in remark for remark in found["remarks"])
    values = figures(found)
    assert values["cut.pairs"] == 1
    assert (values["cut.lost"] or 0) >= FAULT_S / 0.02 - 1


def test_a_wrong_name_is_refused_before_anything_runs(gtsdsl: Cli, pair: Path, tmp_path: Path) -> None:
    command = ["bench", str(pair), "--overlays", "none", "--workloads", "convergence"]
    done = gtsdsl(*command, "--setting", "convergence.circuit=AMS-XXX", "-o", str(tmp_path / "report"))
    assert done.returncode == 2
    assert done.stderr.startswith("error: convergence.circuit: the topology has no circuit AMS-XXX; name a link, such")
    assert not (tmp_path / "report").exists()
