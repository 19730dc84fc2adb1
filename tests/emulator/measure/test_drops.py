"""The places of dropped packets: by circuits in the result, by hosts on standard error too."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.emulator.samples import Cli

_DEAF = """
import socket
from emulator.netlink import namespaces

def datagrams(host):
    with namespaces.entered(host.namespace):
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

first, second = net.get("h1", "h2")
deaf, sender = datagrams(second), datagrams(first)
deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
deaf.bind(("", 9))
for _ in range(20):
    sender.sendto(bytes(1400), (second.IP(), 9))
first.cmd("sleep 1")
"""

_LOSSY = """
from emulator.mininet.impair import impair

net["h1"].cmd("ping -c 1 h2")
impair(net, "l1", ["loss", "100%"])
net["h1"].cmd("ping -c 50 -i 0.01 -W 1 h2")
"""


@pytest.fixture
def deaf(tmp_path: Path) -> Path:
    """A script in which a host sends another twenty datagrams, for which the other's socket has no room."""
    path = tmp_path / "deaf.py"
    path.write_text(_DEAF)
    return path


def dropped(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(done.stdout)["drops"]
    return found


def test_what_a_socket_has_no_room_for(emulate: Cli, deaf: Path) -> None:
    done = emulate("--script", str(deaf), "--json", "-")
    (drops,) = dropped(done)
    assert (drops["place"], drops["node"], drops["circuit"]) == ("socket", "h2", None)
    assert 15 <= int(str(drops["packets"])) < 20
    expected = f"warning: h2: {drops['packets']} UDP datagrams were dropped: a socket's receive buffer was full\n"
    assert done.stderr == expected


def test_what_a_circuit_loses_is_its_behaviour(emulate: Cli, tmp_path: Path) -> None:
    (tmp_path / "lossy.py").write_text(_LOSSY)
    done = emulate("--script", str(tmp_path / "lossy.py"), "--json", "-")
    of_h1, *_ = found = dropped(done)
    assert {(drops["place"], drops["circuit"]) for drops in found} == {("circuit", "l1")}
    assert of_h1["node"] == "h1"
    assert 50 <= int(str(of_h1["packets"])) < 60  # the pings, and what hosts say to find each other
    assert done.stderr == ""


def test_a_network_that_loses_nothing(emulate: Cli) -> None:
    done = emulate("--probe", "--exec", "h1: ping -q -c 3 h2", "--json", "-")
    assert (dropped(done), done.stderr.count("dropped")) == ([], 0)


def test_nothing_is_lost_at_900_megabits_a_second(emulate: Cli) -> None:
    flood = "h1: iperf3 --json -u -b 900M -t 5 -c h2"
    done = emulate("--exec", "h2: iperf3 -s -1 > /dev/null &", "--exec", flood)
    assert done.returncode == 0, done.stderr
    total = json.loads(done.stdout)["end"]["sum"]
    assert total["lost_packets"] == 0
    assert total["packets"] > 380_000
    assert done.stderr == ""
