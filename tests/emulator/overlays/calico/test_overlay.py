"""Calico on its hosts: blocks that fill up, containers that come again, errors, and a store that is cleared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator import bird
from emulator.overlays.calico.overlay import Calico
from emulator.overlays.model import OverlaySpec
from tests.emulator.overlays.calico import scenarios
from tests.emulator.overlays.guest import run
from tests.emulator.samples import MESH, Cli


@pytest.mark.usefixtures("guest_kernel")
def test_a_host_whose_block_is_full_claims_another_one_that_all_learn(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:bgp", scenarios.fill_blocks, count=66)
    assert found["addresses"] == [f"10.244.1.{number}" for number in range(1, 67)]
    assert found["peers"] == ["10.244.1.0/26", "10.244.1.64/26"]
    assert [key.rpartition("/")[2] for key in found["blocks"]] == ["10.244.1.0-26", "10.244.1.64-26"]
    assert found["there"] <= 2.0


@pytest.mark.usefixtures("guest_kernel")
def test_a_container_that_comes_again_has_its_address_again(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:ipip", scenarios.attach_a_container_again)
    assert found["second"] == found["first"] == "10.244.1.1"
    assert found["there"] <= 1.5


@pytest.mark.usefixtures("guest_kernel")
def test_a_packet_to_a_free_address_of_a_block_ends_at_the_blocks_host(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:bgp", scenarios.drop_to_a_free_address)
    assert found["route"]["gateway"] == "10.0.0.1"
    assert "0 received" in found["said"]


@pytest.mark.usefixtures("guest_kernel")
def test_a_bird_that_has_died_and_a_store_of_another_calico_are_said(tmp_path: Path) -> None:
    found = run(tmp_path, "mesh", "calico:bgp", scenarios.ask_a_dead_bird_and_a_foreign_store)
    died, other = found["said"]
    assert died.startswith("bird on h2 was ended by signal 9: ")
    assert other == (
        "the store on h1 has data of another Calico, such as /calico/resources/v3/projectcalico.org/ippools/"
        "default-ipv4-ippool; use another etcd, or a store inside the topology (`--store h1`)"
    )
    assert found["view"][0] == "BIRD does not answer: Connection refused"


@pytest.mark.usefixtures("guest_kernel")
def test_at_the_end_the_store_has_nothing_of_the_run(tmp_path: Path) -> None:
    assert run(tmp_path, "mesh", "calico:rr", scenarios.leave) == {"keys": []}


@pytest.mark.usefixtures("guest_kernel")
def test_docker_containers_have_calicos_interfaces_too(gtsdsl: Cli, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    arguments = ["--runtime", "docker", "--probe", "--count", "9", "--json", str(path)]
    done = gtsdsl("emulate", str(MESH), "--overlay", "calico:vxlan", *arguments)
    assert done.returncode == 0, done.stderr
    overlay = json.loads(path.read_text())["overlay"]
    assert overlay["agent"] == "built-in Felix"
    assert overlay["addresses"]["c2"] == "10.244.2.1"
    assert all(abs(pair["error_us"]) <= 10 for pair in overlay["pairs"])
    assert "calic2" in [link["name"] for link in overlay["state"]["h2"]["links"]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["calico:rr", "--reflectors", "h7"], "--reflectors"),
        (["calico:rr", "--reflectors", "h1,h3,h1"], "--reflectors names the host h1 twice: name it once"),
        (["calico:rr", "--reflectors", "h1", "--reflectors", "h3"], "--reflectors: it is given 2 times; join the"),
        (["flannel", "--agent", "h1=real", "--agent", "h3=real"], "--agent: it is given 2 times; join the values"),
        (["calico", "--containers", "0"], "connects nothing without containers: omit --containers 0"),
        (["calico:bgp", "--reflectors", "h1"], "calico:bgp takes no --reflectors: calico:rr does"),
        (["calico:vxlam"], "calico has no variant vxlam; did you mean `vxlan`?"),
        (
            ["calico", "--overlay-network", "10.244.0.0/24"],
            "the containers' network 10.244.0.0/24 is too small: 5 hosts need 5 blocks of /26",
        ),
        (
            ["calico:vxlan", "--containers", "64", "--overlay-network", "10.244.0.0/23"],
            "the containers' network 10.244.0.0/23 is too small: 5 hosts need 10 blocks of /26",
        ),
        (["calico", "--overlay-network", "10.244.0.0/28"], "5 hosts need 5 blocks of /26"),
        (["calico", "--overlay-network", "169.254.0.0/16"], "overlaps 169.254.0.0/16, where Calico has its gateway"),
    ],
)
def test_what_no_machine_can_do_is_refused_in_a_line(gtsdsl: Cli, arguments: list[str], said: str) -> None:
    done = gtsdsl("emulate", str(MESH), "--exec", "c1: true", "--overlay", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.networks
def test_a_missing_bird_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bird, "PROGRAM", "no-such-bird")
    missing = "bird is missing: install bird2 (`apt-get install bird2`)"
    for variant in Calico.variants:
        spec = OverlaySpec("calico", variant, (), (), "10.244.0.0/16", "process")
        assert (missing in Calico.lacks(spec)) is (variant != "vxlan"), variant
