"""No overlay, the baseline: containers are their hosts, in the guest with the virtual clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from emulator import deployment
from emulator.network import EmulatedNetwork
from emulator.overlays.spec import spec
from emulator.plan import Options, plan
from tests.emulator.session.conftest import Emulate
from tests.emulator.topologies import joined

from .conftest import result_of


def test_machines_and_containers_are_the_same(overlaid: Emulate, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = overlaid("none", "--probe", "--json", str(out), "--exec", "c1: ping -qc 2 c5")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 packets transmitted, 2 received" in done.stdout
    found = result_of(out)["overlay"]
    assert len(found["pairs"]) == len(found["first_packets"]) == 10
    for pair in found["pairs"]:
        assert abs(pair["error_us"]) <= 5
        assert abs(pair["machine_us"] - pair["container_us"]) <= 1
    assert found["addresses"] == {f"c{number}": f"100.64.0.{number}" for number in range(1, 6)}


def test_the_table_names_hosts_and_containers(overlaid: Emulate) -> None:
    lines = overlaid("none", "--probe", "--count", "2").stdout.splitlines()
    assert lines[0].split() == ["circuit", "between", "expected", "machines", "containers", "error", "lost"]
    assert lines[1].startswith("l1       c1 on h1 – c2 on h2  36.201568 ms")
    assert lines[11].startswith("none host, none; first packets 0.")


@pytest.mark.networks
def test_hosts_that_are_ready_late_but_ready_are_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "_READY_PATIENCE_S", -1.0)
    made = plan(joined([("h1", "h2")]), Options(impaired=False))
    with (
        EmulatedNetwork(made) as network,
        deployment.deployed(network, spec(made, "none"), None, lambda _: None) as found,
    ):
        assert found.addresses.keys() == {"c1", "c2"}
