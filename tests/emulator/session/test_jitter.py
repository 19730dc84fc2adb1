"""Jitter, as packets see it: each packet's delay is its own, however closely packets follow each other."""

from __future__ import annotations

import json
import statistics
from itertools import pairwise
from pathlib import Path

import pytest

from tests.emulator.samples import Cli

_COUNT = 1000
_RECEIVE = """
import json, socket, struct, sys, time
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", 9999))
receiver.settimeout(2)
seen = []
try:
    while True:
        number, sent = struct.unpack("!Id", receiver.recv(2000)[:12])
        seen.append((number, time.time() - sent))
except TimeoutError:
    json.dump(seen, sys.stdout)
"""
_SEND = f"""
import socket, struct, sys, time
gap_s = float(sys.argv[1])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.sendto(b"find the neighbour", ("h2", 9998))
time.sleep(1)
for number in range({_COUNT}):
    sender.sendto(struct.pack("!Id", number, time.time()) + bytes(100), ("h2", 9999))
    time.sleep(gap_s)
"""


@pytest.fixture
def jittery(pair: Path) -> Path:
    """50 ms each way, give or take 10."""
    pair.write_text(pair.read_text().replace('id = "l1"', 'id = "l1"; delay = "50ms"; jitter = "10ms"'))
    (pair.parent / "receive.py").write_text(_RECEIVE)
    (pair.parent / "send.py").write_text(_SEND)
    return pair


@pytest.mark.parametrize(("gap_s", "overtaking"), [("0.1", False), ("0.001", True), ("0.0001", True)])
def test_delays_spread_evenly_whatever_the_spacing(emulate: Cli, jittery: Path, gap_s: str, overtaking: bool) -> None:
    folder = jittery.parent
    done = emulate(
        "--exec", f"h2: python3 {folder}/receive.py > /tmp/seen.json &",
        "--exec", f"h1: sleep 0.5; python3 {folder}/send.py {gap_s}",
        "--exec", "h2: sleep 3; cat /tmp/seen.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert len(seen) == _COUNT
    delays_ms = [delay_s * 1000 for _, delay_s in seen]
    assert 39.9 < min(delays_ms) < 41 and 59 < max(delays_ms) < 60.1  # noqa: PT018 - one statement about a range
    assert statistics.quantiles(delays_ms, n=4) == pytest.approx([45, 50, 55], abs=1)
    numbers = [number for number, _ in seen]
    out_of_order = sum(later < earlier for earlier, later in pairwise(numbers))
    assert (out_of_order > _COUNT / 4) if overtaking else (out_of_order == 0)


def test_jitter_can_come_and_go_while_the_network_runs(emulate: Cli, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from emulator.mininet.impair import impair\n"
        "h1, h2 = net.get('h1', 'h2')\n"
        "for words in (['jitter', '1ms'], ['jitter', '2ms', 'loss', '100%'], ['jitter', '0ms', 'loss', '0%']):\n"
        "    impair(net, 'l1', words)\n"
        "    print(len(h1.cmd('tc qdisc show dev h1-eth0').splitlines()), h1.cmd('ping -q -c 3 h2').splitlines()[-2])\n"
    )
    done = emulate("--script", str(script))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["2", "2", "1"]
    assert [" 0% packet loss" in line for line in lines] == [True, False, True], lines
