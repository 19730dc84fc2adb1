"""Docker's overlay with real daemons over a mesh, a star and a line: reachability, round trips and frames."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.emulator.overlays.frames import ICMP, UDP, between_hosts, datagram, echoes, is_too_long
from tests.emulator.overlays.guest import TOPOLOGIES, once, run
from tests.emulator.overlays.libnetwork import scenarios
from tests.emulator.overlays.libnetwork.docker import require_docker_with_store
from tests.emulator.samples import Cli

pytestmark = pytest.mark.usefixtures("guest_kernel")

VARIANTS = ("kv", "swarm")
OVERHEAD_BYTES = 50
MTU_BYTES = 1450
VNI = {"kv": 256, "swarm": 4097}
VXLAN_PORT = 4789
ATTEMPT_S = 10.0
"""After which a daemon gives up to reach another: memberlist's TCPTimeout."""
HEARTBEAT_S = 20.0
"""The time between two announcements of a daemon in the store: discovery.heartbeat of Docker."""
CHECKOUT = Path(__file__).parents[4]


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A function that returns the result for a variant over a topology; on the mesh, a daemon and a store die."""

    @once
    def of(variant: str, topology: str) -> dict[str, Any]:
        scenario = scenarios.measure_and_break if topology == "mesh" else scenarios.measure
        if variant == "kv":
            require_docker_with_store()
        return run(tmp_path_factory.mktemp("libnetwork"), topology, f"libnetwork:{variant}", scenario)

    return of


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_container_reaches_every_other_in_the_round_trip_of_the_circuits(
    measured: Any, variant: str, topology: str
) -> None:
    found = measured(variant, topology)
    assert all(after_ns is not None for after_ns in found["first"])
    assert all(found["back"].values())
    expected = TOPOLOGIES[topology].round_trips_ms
    assert found["rtt_ms"].keys() == expected.keys()
    for ends, rtt_ms in found["rtt_ms"].items():
        # each way over each circuit takes the time to send the bits, at 1 Gbit/s
        bits_ms = 2 * (98 + OVERHEAD_BYTES) * 8 / 1e6 * (1 if topology == "mesh" else 3)
        assert expected[ends] <= rtt_ms <= expected[ends] + bits_ms + 0.01, ends


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_agent_is_the_real_daemon(measured: Any, variant: str) -> None:
    assert measured(variant, "mesh")["agent"].startswith("dockerd ")


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_packet_is_a_frame_between_containers_in_vxlan_between_hosts(measured: Any, variant: str) -> None:
    found = measured(variant, "mesh")
    frames = [frame for frame in echoes(found["frames"]) if datagram(frame).ports[1] == VXLAN_PORT]
    inners = []
    for frame in frames:
        outer = datagram(frame)
        flags, vni = struct.unpack("!B3xI", outer.payload[:8])
        if vni >> 8 == VNI[variant]:
            assert between_hosts(outer)
            assert (outer.protocol, flags) == (UDP, 0x08)
            assert len(frame) == len(outer.payload) - 8 + OVERHEAD_BYTES
            inners.append(datagram(outer.payload[8:]))
    first, second = found["addresses"]["c1"], found["addresses"]["c2"]
    echo = [(it.source, it.target, it.mac) for it in inners if it.protocol == ICMP]
    assert [(source, target) for source, target, _ in echo] == [(first, second), (second, first)]
    # Docker makes a container's MAC address of its IP address
    assert echo[0][2] == "02:42:" + bytes(map(int, second.split("."))).hex(":")


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_largest_packet_passes_and_one_byte_more_does_not(measured: Any, variant: str) -> None:
    found = measured(variant, "mesh")
    assert " 0% packet loss" in found["passes"]
    assert is_too_long(found["refused"], MTU_BYTES)
    outers = [datagram(frame) for frame in echoes(found["largest"])]
    assert [it.total_bytes for it in outers if it.ports[1] == VXLAN_PORT and len(it.payload) > MTU_BYTES] == [1500] * 2


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_mtu_is_dockers_default_whatever_the_circuits_have(measured: Any, variant: str) -> None:
    found = measured(variant, "mesh")
    assert found["mtu_bytes"] == MTU_BYTES
    assert found["container_mtu_bytes"] == [MTU_BYTES] * 3


@pytest.mark.parametrize("variant", VARIANTS)
def test_names_resolve_by_dockers_own_name_server(measured: Any, variant: str) -> None:
    found = measured(variant, "mesh")
    for name, said in found["names"].items():
        assert f"PING {name} ({found['addresses'][name]})" in said
        assert " 0% packet loss" in said
    assert "nameserver 127.0.0.11" in found["inside"]
    assert "PING h2 (100.64.0.2)" in found["host"]
    assert " 0% packet loss" in found["host"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_commands_run_in_the_container(measured: Any, variant: str) -> None:
    lines = measured(variant, "mesh")["inside"].splitlines()
    assert lines[:2] == ["c1", "sh"]
    assert "No such file" in lines[2]  # this machine has a /home


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_hidden_namespace_has_a_bridge_a_vxlan_with_proxied_arp_and_an_entry_for_each_container(
    measured: Any, variant: str
) -> None:
    found = measured(variant, "mesh")
    links = {link["name"]: link for link in found["state"]["h1"]["links"]}
    assert links["br0"]["kind"] == "bridge"
    assert (links["vxlan0"]["master"], links["vxlan0"]["mtu_bytes"]) == ("br0", MTU_BYTES)
    assert dict(links["vxlan0"]["details"]) == {
        "vni": VNI[variant], "port": VXLAN_PORT, "local": None, "dev": None,
        "learning": True, "proxy": True, "l2miss": True, "l3miss": True,
    }  # fmt: skip
    machine_of = {entry["mac"]: entry["destination"] for entry in found["state"]["h1"]["fdb"]}
    behind = {item["address"]: machine_of[item["mac"]] for item in found["state"]["h1"]["neighbours"]}
    for number in range(2, 6):
        address = found["addresses"][f"c{number}"]
        assert behind[address] == f"100.64.0.{number}"
        peer = {"host": f"h{number}", "address": f"100.64.0.{number}", "subnet": f"{address}/32"}
        assert peer in found["peers"]["h1"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_daemon_that_is_killed_leaves_its_tables_and_comes_back_with_its_containers(
    measured: Any, variant: str
) -> None:
    found = measured(variant, "mesh")
    # the kernel forwards without its daemon, and it is seen by what
    assert found["left"] == [["br0", "vxlan0"], ["h1", "h3", "h4", "h5"]]
    assert found["again"] == ["c2", "c2", ["br0", "vxlan0"]]


def test_a_container_can_be_started_when_the_store_is_back(measured: Any) -> None:
    found = measured("kv", "mesh")
    assert found["new_s"] <= HEARTBEAT_S + ATTEMPT_S


def test_a_daemons_key_is_its_own_and_not_the_machines(gtsdsl: Cli, pair: Path) -> None:
    require_docker_with_store()
    key = "/etc/docker/key.json"  # no key: who reads it, fails
    script = f'mkdir -p /etc/docker; echo none > {key}; "$@"; status=$?; cat {key}; exit $status'
    run = [sys.executable, "-m", "gtsdsl", "emulate", str(pair), "--kernel", "native", "--overlay", "libnetwork"]
    ping = ["--exec", "c1: ping -q -c 1 c2"]
    done = gtsdsl("guest", "--memory", "2G", "--", "sh", "-c", script, "sh", *run, *ping, cwd=CHECKOUT)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 received" in done.stdout
    assert done.stdout.endswith("\nnone\n")
