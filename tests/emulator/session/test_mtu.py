"""The MTU of circuits, and black holes: what passes, what a sender is told, and what TCP does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from emulator.kernel.cache import Kernel
from tests.emulator.samples import ROOT

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
        command, input="\n".join(lines) + "\n", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sender_is_told_of_a_narrow_circuit_on_its_path(tmp_path: Path, guest_kernel: Kernel) -> None:
    assert guest_kernel.virtual_clock
    said = shell(
        tmp_path, "links", _LARGE, _FITS,
        "link l2 mtu 1300", _FORGET, "h1 ping -c 1 -M do -s 1372 h4",
        "link l2 mtu 1400", _FORGET, _FITS,
    )  # fmt: skip
    circuits, large, fits, narrower, again = re.split(r"PING h4 .*\n", said)
    assert re.findall(r"Mbit/s(.*)", circuits) == ["", ", MTU 1400", ""]
    assert "From h2 (100.64.0.2) icmp_seq=1 Frag needed and DF set (mtu = 1400)" in large
    assert "ping: local error: message too long, mtu=1400" in large
    assert "1 received" in fits
    assert "(mtu = 1300)" in narrower
    assert "1 received" in again


def test_a_black_hole_lets_small_pings_pass_and_stops_tcp_after_its_handshake(
    tmp_path: Path, guest_kernel: Kernel
) -> None:
    assert guest_kernel.virtual_clock
    client = f"h1 python3 {tmp_path}/client.py"
    said = shell(
        tmp_path, f"h4 python3 {tmp_path}/server.py &", client, _FORGET,
        "link l1 black_hole true", _LARGE, "h1 ping -q -c 2 h4", client,
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
    silent, small, told = re.split(r"PING h4 .*\n", said)[1:]
    assert "2 packets transmitted, 0 received, 100% packet loss" in silent
    assert "2 received" in small
    assert "(mtu = 1400)" in told
