"""Losses, duplicates, wrong bits and overtaking, as the packets of a circuit see them."""

from __future__ import annotations

import json
import math
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.emulator.samples import Cli

_COUNT = 20_000
_RECEIVE = """
import json, socket, struct, sys
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", 9999))
receiver.settimeout(4)
seen = []
try:
    while True:
        seen.append(struct.unpack("!I", receiver.recv(2000)[:4])[0])
except TimeoutError:
    json.dump(seen, sys.stdout)
"""
_SEND = f"""
import socket, struct, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
time.sleep(1)
for number in range({_COUNT}):
    sender.sendto(struct.pack("!I", number) + bytes(100), ("h2", 9999))
    time.sleep(0.0001)
"""


def received(emulate: Cli, pair: Path, attributes: str) -> list[int]:
    """Return the numbers of the packets that arrived over a circuit with some attributes, in their order."""
    folder = pair.parent
    pair.write_text(pair.read_text().replace('id = "l1"', f'id = "l1"; delay = "5ms"; {attributes}'))
    (folder / "receive.py").write_text(_RECEIVE)
    (folder / "send.py").write_text(_SEND)
    done = emulate(
        "--exec", f"h2: python3 {folder}/receive.py > /tmp/seen.json &",
        "--exec", f"h1: ping -q -c 50 -i 0.01 h2 > /dev/null; python3 {folder}/send.py",
        "--exec", "h2: sleep 5; cat /tmp/seen.json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[int] = json.loads(done.stdout)
    return found


def near(count: int, number: int, percent: float) -> bool:
    """Return whether ``count`` of ``number`` is a share within three standard errors."""
    part = percent / 100
    return abs(count - number * part) <= 3 * math.sqrt(number * part * (1 - part))


def test_a_loss_in_bursts_has_the_rates_of_its_states_and_is_the_same_in_each_run(emulate: Cli, pair: Path) -> None:
    attributes = 'loss = "gemodel 2% 20%/0%"'
    seen = received(emulate, pair, attributes)
    there = set(seen)
    is_lost = [number not in there for number in range(_COUNT)]
    changes = Counter(pairwise(is_lost))
    good, bad = is_lost.count(False), is_lost.count(True)
    assert near(changes[False, True], good, 2)
    assert near(changes[True, False], bad, 20)
    pair.write_text(pair.read_text().replace(f'; delay = "5ms"; {attributes}', ""))
    assert received(emulate, pair, attributes) == seen


@pytest.mark.parametrize("name", ["loss", "corrupt"])
def test_a_share_of_the_packets_does_not_arrive(emulate: Cli, pair: Path, name: str) -> None:
    """A receiver drops a packet with a wrong bit, unless the bit is in a header that no checksum covers."""
    seen = received(emulate, pair, f'{name} = "5%/0%"')
    assert len(set(seen)) == len(seen)
    assert near(_COUNT - len(seen), _COUNT, 5) or (name == "corrupt" and 0.9 < (_COUNT - len(seen)) / _COUNT / 0.05 < 1)


def test_a_share_of_the_packets_comes_twice(emulate: Cli, pair: Path) -> None:
    seen = Counter(received(emulate, pair, 'duplicate = "5%/0%"'))
    assert set(seen) == set(range(_COUNT))
    assert set(seen.values()) == {1, 2}
    assert near(sum(count == 2 for count in seen.values()), _COUNT, 5)


def test_a_share_of_the_packets_overtakes_the_others(emulate: Cli, pair: Path) -> None:
    seen = received(emulate, pair, 'reorder = "5%/0%"')
    assert sorted(seen) == list(range(_COUNT))
    assert near(sum(after < before for before, after in pairwise(seen)), _COUNT, 5)
