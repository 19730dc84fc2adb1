"""BIRD's configuration as BIRD reads it, its sessions, and the answers of its control socket."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from emulator.overlays.calico import bird
from emulator.overlays.calico.bird import BgpPeer
from emulator.overlays.calico.resources import Node
from emulator.system.errors import EmulationError

POOL = IPv4Network("10.244.0.0/16")
NODES = [Node(f"h{number}", f"100.64.0.{number}") for number in (1, 2, 10)]
REFLECTORS = [Node(node.name, node.address, cluster_id="224.0.0.1") for node in NODES[:2]]


def test_in_a_mesh_the_later_address_as_text_connects() -> None:
    assert bird.peers_of(NODES[1], NODES, is_mesh=True) == (
        BgpPeer("Mesh_100_64_0_1", "100.64.0.1"),
        BgpPeer("Mesh_100_64_0_10", "100.64.0.10"),
    )
    assert [it.is_passive for it in bird.peers_of(NODES[2], NODES, is_mesh=True)] == [False, True]
    for first, second in ((0, 1), (1, 2), (0, 2)):
        near = {it.address: it.is_passive for it in bird.peers_of(NODES[first], NODES, is_mesh=True)}
        far = {it.address: it.is_passive for it in bird.peers_of(NODES[second], NODES, is_mesh=True)}
        assert near[NODES[second].address] is not far[NODES[first].address]


def test_a_reflector_has_the_others_as_clients_but_not_its_fellows() -> None:
    nodes = [*REFLECTORS, NODES[2]]
    assert bird.peers_of(REFLECTORS[0], nodes, is_mesh=False) == (
        BgpPeer("Node_100_64_0_2", "100.64.0.2"),
        BgpPeer("Node_100_64_0_10", "100.64.0.10", is_client=True),
    )
    assert [it.address for it in bird.peers_of(NODES[2], nodes, is_mesh=False)] == ["100.64.0.1", "100.64.0.2"]
    assert bird.peers_of(NODES[2], NODES, is_mesh=False) == ()


@pytest.mark.parametrize("is_tunnelled", [False, True])
@pytest.mark.parametrize("blocks", [[], ["10.244.1.0/26"], ["10.244.1.0/26", "10.244.1.64/26"]])
@pytest.mark.parametrize("is_mesh", [True, False])
def test_bird_takes_each_configuration(tmp_path: Path, is_mesh: bool, blocks: list[str], is_tunnelled: bool) -> None:
    program = shutil.which("bird", path="/usr/sbin:/usr/bin") or pytest.skip("bird is missing (Debian: bird2)")
    own = NODES[0] if is_mesh else REFLECTORS[0]
    peers = bird.peers_of(own, [*REFLECTORS, NODES[2]], is_mesh=is_mesh)
    path = tmp_path / "bird.cfg"
    networks = [IPv4Network(block) for block in blocks]
    path.write_text(bird.configuration(own, peers, networks, POOL, is_tunnelled=is_tunnelled))
    done = subprocess.run([program, "-p", "-c", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_installed_version_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found = bird.version() or pytest.skip("bird is missing (Debian: bird2)")
    assert found.split(".")[0] == "2"
    monkeypatch.setattr(bird, "PROGRAM", "no-such-bird")
    assert bird.version() is None


def answer(folder: Path, replies: list[bytes]) -> list[bytes]:
    """Serve one connection on a control socket with some replies; return the list that gets the questions."""
    questions: list[bytes] = []
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(folder / bird.SOCKET))
    listener.listen()

    def serve() -> None:
        with listener, listener.accept()[0] as connection:
            connection.sendall(b"0001 BIRD 2.0.12 ready.\n")
            questions.append(connection.recv(1000))
            for reply in replies:
                connection.sendall(reply)

    threading.Thread(target=serve, daemon=True).start()
    return questions


def test_an_answer_is_read_to_its_last_line(tmp_path: Path) -> None:
    questions = answer(tmp_path, [b"2002-Name       Proto\n1002-kernel1    Kernel\n device1    Dev", b"ice\n0000 \n"])
    assert bird.ask(tmp_path, "show protocols") == ("Name       Proto", "kernel1    Kernel", "device1    Device")
    assert questions == [b"show protocols\n"]


def test_a_bird_that_ends_during_its_answer_is_an_error(tmp_path: Path) -> None:
    answer(tmp_path, [b"2002-Name       Proto\n"])
    with pytest.raises(OSError, match="BIRD closed its control socket"):
        bird.ask(tmp_path, "show protocols")
    with pytest.raises(OSError, match="No such file"):
        bird.ask(tmp_path / "none", "show protocols")


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
    found = {str(network): address for network, address in bird.next_hops(lines).items()}
    assert found == {"10.244.3.0/26": "100.64.0.3", "10.244.4.0/26": "100.64.0.4"}
    assert bird.next_hops(()) == {}


def test_a_path_that_no_socket_can_have_is_said(tmp_path: Path) -> None:
    bird.check_path(Path("/run/calico/1"))
    with pytest.raises(EmulationError, match="is too long a path for BIRD's socket: set TMPDIR to a shorter one"):
        bird.check_path(tmp_path / ("x" * 100))
