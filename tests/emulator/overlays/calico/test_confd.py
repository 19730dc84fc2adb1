"""The configuration of Calico's BIRD as BIRD reads it, its sessions, and the routes in its answers."""

from __future__ import annotations

import shutil
import subprocess
from ipaddress import IPv4Network, ip_network
from pathlib import Path

import pytest

from emulator.overlays.calico import confd
from emulator.overlays.calico.confd import BgpPeer, Family
from emulator.overlays.calico.resources import Node

POOL = IPv4Network("10.244.0.0/16")
NODES = [Node(f"h{number}", f"100.64.0.{number}") for number in (1, 2, 10)]
REFLECTORS = [Node(node.name, node.address, cluster_id="224.0.0.1") for node in NODES[:2]]


def test_in_a_mesh_the_later_address_as_text_connects() -> None:
    assert confd.peers_of(NODES[1], NODES, is_mesh=True) == (
        BgpPeer("Mesh_100_64_0_1", "100.64.0.1"),
        BgpPeer("Mesh_100_64_0_10", "100.64.0.10"),
    )
    assert [it.is_passive for it in confd.peers_of(NODES[2], NODES, is_mesh=True)] == [False, True]
    for first, second in ((0, 1), (1, 2), (0, 2)):
        near = {it.address: it.is_passive for it in confd.peers_of(NODES[first], NODES, is_mesh=True)}
        far = {it.address: it.is_passive for it in confd.peers_of(NODES[second], NODES, is_mesh=True)}
        assert near[NODES[second].address] is not far[NODES[first].address]


def test_a_reflector_has_the_others_as_clients_but_not_its_fellows() -> None:
    nodes = [*REFLECTORS, NODES[2]]
    assert confd.peers_of(REFLECTORS[0], nodes, is_mesh=False) == (
        BgpPeer("Node_100_64_0_2", "100.64.0.2"),
        BgpPeer("Node_100_64_0_10", "100.64.0.10", is_client=True),
    )
    assert [it.address for it in confd.peers_of(NODES[2], nodes, is_mesh=False)] == ["100.64.0.1", "100.64.0.2"]
    assert confd.peers_of(NODES[2], NODES, is_mesh=False) == ()


@pytest.mark.parametrize("is_tunnelled", [False, True])
@pytest.mark.parametrize("blocks", [[], ["10.244.1.0/26"], ["10.244.1.0/26", "10.244.1.64/26"]])
@pytest.mark.parametrize("is_mesh", [True, False])
def test_bird_takes_each_configuration(tmp_path: Path, is_mesh: bool, blocks: list[str], is_tunnelled: bool) -> None:
    program = shutil.which("bird", path="/usr/sbin:/usr/bin") or pytest.skip("bird is missing (Debian: bird2)")
    own = NODES[0] if is_mesh else REFLECTORS[0]
    peers = confd.peers_of(own, [*REFLECTORS, NODES[2]], is_mesh=is_mesh)
    path = tmp_path / "bird.cfg"
    networks = [IPv4Network(block) for block in blocks]
    path.write_text(confd.configuration([Family(own, peers, networks, POOL)], is_tunnelled=is_tunnelled))
    done = subprocess.run([program, "-p", "-c", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("is_mesh", [True, False])
def test_bird_takes_the_configuration_of_both_families(tmp_path: Path, is_mesh: bool) -> None:
    program = shutil.which("bird", path="/usr/sbin:/usr/bin") or pytest.skip("bird is missing (Debian: bird2)")
    families = []
    for own, far, block, pool in (
        ("100.64.0.1", "100.64.0.2", "10.244.1.0/26", "10.244.0.0/16"),
        ("fd00::1", "fd00::2", "fd01::40/122", "fd01::/56"),
    ):
        nodes = [Node("h1", own, cluster_id=None if is_mesh else "224.0.0.1"), Node("h2", far)]
        peers = confd.peers_of(nodes[0], nodes, is_mesh=is_mesh)
        families.append(Family(nodes[0], peers, [ip_network(block)], ip_network(pool)))
    path = tmp_path / "bird.cfg"
    path.write_text(confd.configuration(families, is_tunnelled=False))
    done = subprocess.run([program, "-p", "-c", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "neighbor fd00::2 as 64512;" in path.read_text()


def test_the_hosts_of_networks_are_their_next_hops() -> None:
    lines = (
        "Table master4:",
        "10.244.3.0/26        unicast [Mesh_100_64_0_3 00:00:13.4 from 100.64.0.3] * (100/?) [i]",
        "\tvia 10.0.0.3 on h1-eth1",
        "\tType: BGP univ",
        "\tBGP.next_hop: 100.64.0.3",
        "                     unicast [Mesh_100_64_0_3 00:00:13.4 from 100.64.0.3] (100/?) [i]",
        "\tBGP.next_hop: 100.64.0.9",
        "10.244.4.0/26        unreachable [Node_100_64_0_1 00:00:13.4 from 100.64.0.1] * (100/-) [i]",
        "\tBGP.next_hop: 100.64.0.4",
    )
    found = {str(network): address for network, address in confd.next_hops(lines).items()}
    assert found == {"10.244.3.0/26": "100.64.0.3", "10.244.4.0/26": "100.64.0.4"}
    assert confd.next_hops(()) == {}
