"""No overlay: containers share their hosts' network, in a guest with the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator.mininet.network import EmulatedNetwork
from emulator.options import OverlayOptions
from emulator.overlays import deployment
from emulator.overlays.spec import make_spec
from emulator.plan import Options, plan
from tests.emulator.overlays import scenarios
from tests.emulator.overlays.guest import TOPOLOGIES, result_of, run
from tests.emulator.samples import Cli
from tests.emulator.topologies import joined


def test_machines_and_containers_are_the_same(overlaid: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = overlaid("none", "--probe", "--json", str(out), "--exec", "c1: ping -qc 2 c5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 packets transmitted, 2 received" in done.stdout
    found = result_of(out)["overlay"]
    assert len(found["pairs"]) == len(found["first_packets"]) == 10
    for pair in found["pairs"]:
        assert abs(pair["error_us"]) <= 5
        assert abs(pair["machine_us"] - pair["container_us"]) <= 2
    assert found["addresses"] == {f"c{number}": f"100.64.0.{number}" for number in range(1, 6)}


def test_the_table_names_hosts_and_containers(overlaid: Cli) -> None:
    lines = overlaid("none", "--probe", "--count", "2").stdout.splitlines()
    assert lines[0].split() == ["circuit", "between", "expected", "hosts", "containers", "error", "lost"]
    assert lines[1].startswith("l1       c1 on h1 – c2 on h2  36.201568 ms")
    assert lines[11].startswith("none host, none; first packets 0.")


@pytest.mark.networks
def test_hosts_that_are_ready_late_but_ready_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "_READY_PATIENCE_S", -1.0)
    made = plan(joined([("h1", "h2")]), Options(impaired=False))
    with EmulatedNetwork(made) as network:
        network.deploy(make_spec(made, OverlayOptions("none")), None, lambda _: None)
        assert [node.name for node in network.containers] == ["c1", "c2"]


@pytest.mark.usefixtures("guest_kernel")
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_hosts_reach_each_other_in_the_round_trip_of_the_circuits(tmp_path: Path, topology: str) -> None:
    found = run(tmp_path, topology, "none", scenarios.measure)
    bits_ms = 2 * 98 * 8 / 1e6 * (1 if topology == "mesh" else 3)
    for pair, rtt_ms in TOPOLOGIES[topology].round_trips_ms.items():
        assert rtt_ms <= found["rtt_ms"][pair] <= rtt_ms + bits_ms + 0.01, pair
