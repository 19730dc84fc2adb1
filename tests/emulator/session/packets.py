"""Numbered packets over the circuit of two hosts, in both directions at once."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from tests.emulator.samples import Cli

_RECEIVE = """
import json, socket, struct, sys, time
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", 9999))
receiver.settimeout(60)
seen = []
try:
    while True:
        number, sent_ns = struct.unpack("!IQ", receiver.recv(2000)[:12])
        seen.append((number, (time.time_ns() - sent_ns) / 1e6))
        receiver.settimeout(6)
except TimeoutError:
    json.dump(seen, sys.stdout)
print()
"""
_SEND = """
import socket, struct, sys, time
host, count, gap_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
time.sleep(1)
for number in range(count):
    sender.sendto(struct.pack("!IQ", number, time.time_ns()) + bytes(100), (host, 9999))
    time.sleep(gap_s)
"""


class Arrivals(NamedTuple):
    """The packets that arrived over one direction, in their order: their numbers, and their delays."""

    numbers: list[int]
    delays_ms: list[float]

    @property
    def overtaken(self) -> int:
        """How many packets came right after a packet that was sent later."""
        return sum(after < before for before, after in pairwise(self.numbers))


def exchange(emulate: Cli, folder: Path, count: int, gap_s: float, *options: str) -> tuple[Arrivals, Arrivals]:
    """Return what arrives at h2, and at h1, when each sends ``count`` packets to the other."""
    (folder / "receive.py").write_text(_RECEIVE)
    (folder / "send.py").write_text(_SEND)
    send = f"python3 {folder}/send.py"
    done = emulate(
        *options,
        "--exec", f"h1: python3 {folder}/receive.py > /tmp/h1.json &",
        "--exec", f"h2: python3 {folder}/receive.py > /tmp/h2.json &",
        "--exec", "h1: ping -q -c 50 -i 0.01 -w 1 h2 > /dev/null; true",
        "--exec", f"h2: {send} h1 {count} {gap_s} &",
        "--exec", f"h1: {send} h2 {count} {gap_s}",
        "--exec", "h2: sleep 8; cat /tmp/h2.json /tmp/h1.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    there, back = (json.loads(line) for line in done.stdout.splitlines())
    return _arrivals(there), _arrivals(back)


def _arrivals(seen: list[tuple[int, float]]) -> Arrivals:
    return Arrivals([number for number, _ in seen], [delay_ms for _, delay_ms in seen])


def with_link(pair: Path, attributes: str) -> Path:
    """Write a copy of a topology of two hosts, whose circuit has more attributes, over the file."""
    text = pair.read_text()
    pair.write_text(text.replace('id = "l1"', f'id = "l1"; {attributes}'))
    return pair
