"""The MTU of circuits, and black holes: what passes, what a sender is told, and what TCP does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from emulator.kernel.cache import Kernel
from tests.emulator.samples import HANG_S, ROOT, Cli

PATH_MTU = ROOT / "examples" / "path_mtu.dsl"

_SERVER = """
import socket
server = socket.create_server(("", 5000))
while True:
    end, _ = server.accept()
    total = 0
    while data := end.recv(65536):
        total += len(data)
    end.sendall(str(total).encode())
    end.close()
"""
_CLIENT = """
import socket, time
end = socket.create_connection(("h4", 5000), timeout=30)
print("connected")
began = time.monotonic()
try:
    end.sendall(bytes(100_000))
    end.shutdown(socket.SHUT_WR)
    print("received", end.recv(100).decode(), f"after {time.monotonic() - began:.3f} s")
except TimeoutError:
    print("no answer")
"""

_LARGE, _FITS = "h1 ping -c 2 -W 1 -M do -s 1472 h4", "h1 ping -q -c 1 -M do -s 1372 h4"
_FORGET = "h1 ip route flush cache"


def shell(folder: Path, *lines: str) -> str:
    """Return what the shell says to some lines in a network of the example."""
    (folder / "server.py").write_text(_SERVER)
    (folder / "client.py").write_text(_CLIENT)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(PATH_MTU), "--clock", "virtual"]
    done = subprocess.run(
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=HANG_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sender_is_told_of_a_narrow_circuit_on_its_path(tmp_path: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel.virtual_clock
    said = shell(
        tmp_path, "links", _LARGE, _FITS, "h1 ping -6 -c 2 -W 1 -s 1452 h4",
        "link l2 mtu 1300", _FORGET, "h1 ping -c 1 -M do -s 1372 h4",
        "link l2 mtu 1400", _FORGET, _FITS,
    )  # fmt: skip
    circuits, large, fits, large_6, narrower, again = re.split(r"PING h4.*\n", said)
    assert re.findall(r"Mbit/s(.*)", circuits) == ["", ", MTU 1400", ""]
    assert "From h2 (100.64.0.2) icmp_seq=1 Frag needed and DF set (mtu = 1400)" in large
    assert "ping: local error: message too long, mtu=1400" in large
    assert "1 received" in fits
    assert re.search(r"From h2 \(fd.*\) icmp_seq=1 Packet too big: mtu=1400", large_6)
    assert "(mtu = 1300)" in narrower
    assert "1 received" in again


def test_a_black_hole_lets_small_pings_pass_and_stops_tcp_after_its_handshake(
    tmp_path: Path, guest_kernel: Kernel
) -> None:
    assert guest_kernel.virtual_clock
    client = f"h1 python3 {tmp_path}/client.py"
    said = shell(
        tmp_path, f"h4 python3 {tmp_path}/server.py &", client, _FORGET,
        "link l1 black_hole true", _LARGE, "h1 ping -6 -c 2 -W 1 -s 1452 h4", "h1 ping -q -c 2 h4", client,
        "h1 sysctl -w net.ipv4.tcp_mtu_probing=1", client, "h1 sysctl -w net.ipv4.tcp_mtu_probing=0",
        "link l1 black_hole false", _LARGE, client,
    )  # fmt: skip
    assert re.findall(r"^(?:connected|no answer|received 100000)", said, re.MULTILINE) == [
        *("connected", "received 100000"),
        *("connected", "no answer"),
        *("connected", "received 100000"),  # after the kernel has tried a smaller segment
        *("connected", "received 100000"),
    ]
    first_s, probed_s, last_s = map(float, re.findall(r"after (\S+) s", said))
    assert max(first_s, last_s) < 1 < probed_s < 30
    silent, silent_6, small, told = re.split(r"PING h4.*\n", said)[1:]
    for lost in (silent, silent_6):
        assert "2 packets transmitted, 0 received, 100% packet loss" in lost
    assert "2 received" in small
    assert "(mtu = 1400)" in told


_LEAST = """Least {
  host { id = "h1"; port { id = "p" } }
  host { id = "h2"; port { id = "p" } port { id = "q" } }
  vsi { id = "s1"; port { id = "p" } }
  link { id = "l1"; mtu = 68; delay = "5ms"; bandwidth = 1; port { id = "src" } port { id = "dst" } }
  link { id = "l2"; mtu = 68; delay = "5ms"; bandwidth = 1; port { id = "src" } port { id = "dst" } }
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
  adjacency h2.q, l2.src
  adjacency s1.p, l2.dst
}
"""


def test_a_probe_expects_the_parts_of_an_echo_on_a_circuit_of_the_least_mtu(
    gtsdsl: Cli, tmp_path: Path, guest_kernel: Kernel
) -> None:
    assert guest_kernel.virtual_clock
    topology, result = tmp_path / "least.dsl", tmp_path / "result.json"
    topology.write_text(_LEAST)
    done = gtsdsl("emulate", str(topology), "--ipv4-only", "--probe", "--json", str(result))
    assert done.returncode == 0, done.stderr
    circuits = json.loads(result.read_text())["probe"]
    assert [circuit["by"] for circuit in circuits] == ["icmp", "frame"]
    assert all(abs(circuit["error_us"]) < 5 for circuit in circuits)
    # 64 bytes of payload in two parts, each with 34 bytes of headers; a frame of 68 + 14 bytes
    assert [circuit["expected_us"] for circuit in circuits] == [10_000 + 2 * 8 * 132, 10_000 + 2 * 8 * 82]
