"""Losses and jitter of 100,000 packets in each direction: the rates of bursts, the shapes of delays, and repetition."""

from __future__ import annotations

import bisect
import json
import math
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.table import Row, show
from gtsdsl.model.jitter import Shape, quantiles

_COUNT = 100_000
_PAIR = """Pair {{
  host {{ id = "h1"; location = "AMS"; port {{ id = "p" }} }}
  host {{ id = "h2"; location = "MIL"; port {{ id = "p" }} }}
  link {{ id = "l1"; {attributes} port {{ id = "src" }} port {{ id = "dst" }} }}
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}}
"""
_RECEIVE = """
import socket, struct, sys, time
receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", 9999))
receiver.settimeout(60)
seen = []
try:
    while True:
        number, sent_ns = struct.unpack("!IQ", receiver.recv(2000)[:12])
        seen.append(f"[{number}, {time.time_ns() - sent_ns}]")
        receiver.settimeout(6)
except TimeoutError:
    print(f"[{','.join(seen)}]")
"""
_SEND = """
import socket, struct, sys, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
time.sleep(1)
for number in range(int(sys.argv[2])):
    sender.sendto(struct.pack("!IQ", number, time.time_ns()) + bytes(100), (sys.argv[1], 9999))
    time.sleep(0.0005)
"""
_Seen = list[list[int]]


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        return show(f"Losses and jitter of {_COUNT:,} packets each way", list(_rows(Path(folder))))


def _rows(folder: Path) -> Iterator[Row]:
    rates = ((1.0, 10.0), (0.2, 30.0))
    attributes = 'delay = "5ms"; loss = "gemodel 1% 10%/gemodel 0.2% 30%";'
    first = _exchange(folder, attributes)
    for seen, way, (to_bad, to_good) in zip(first, ("there", "back"), rates, strict=True):
        arrived = {number for number, _ in seen}
        is_lost = [number not in arrived for number in range(_COUNT)]
        changes = Counter(pairwise(is_lost))
        for lost, percent, what in ((False, to_bad, "becomes bad"), (True, to_good, "becomes good")):
            number = is_lost.count(lost)
            error = math.sqrt(percent / 100 * (1 - percent / 100) / number)
            found = changes[lost, not lost] / number
            errors = abs(found - percent / 100) / error
            figure = f"{100 * found:.3f} %, {errors:.2f} standard errors off {percent} %"
            yield Row(f"bursts {way}: a channel {what}", figure, "at most 3 standard errors", errors <= 3)
    same = _exchange(folder, attributes) == first
    yield Row("  a second run loses", "the same packets" if same else "others", "the same packets", same)
    for shapes in (("normal", "pareto"), ("paretonormal", "uniform")):
        yield from _shapes(folder, *shapes)
    yield from _samples(folder)


def _shapes(folder: Path, there: Shape, back: Shape) -> Iterator[Row]:
    attributes = f'delay = "20ms"; jitter = "2ms {there}/3ms {back}";'
    for seen, shape, jitter_ms in zip(_exchange(folder, attributes), (there, back), (2, 3), strict=True):
        expected = [20e6 + jitter_ms * 1e6 * it for it in quantiles(shape)]
        yield _distance(f"delays, {shape}", [delay_ns for _, delay_ns in seen], expected)


def _samples(folder: Path) -> Iterator[Row]:
    generator = random.Random(12)  # noqa: S311 - samples, not secrets
    samples_us = [round(1000 * (generator.choice((8, 11)) + generator.lognormvariate(0, 0.8))) for _ in range(20_000)]
    (folder / "samples.csv").write_text("one_way_us\n" + "".join(f"{it}\n" for it in samples_us))
    options = ("--delay-from", str(folder / "samples.csv"), "--order", "free")
    for seen, way in zip(_exchange(folder, "", *options), ("there", "back"), strict=True):
        yield _distance(f"delays of 20,000 samples, {way}", [it for _, it in seen], [1000 * it for it in samples_us])


def _distance(what: str, found: Sequence[float], expected: Sequence[float]) -> Row:
    """Return the distance of two distributions (Kolmogorov and Smirnov), with that of one case in a thousand."""
    first, second = sorted(found), sorted(expected)
    distance = max(
        abs(bisect.bisect_right(first, at) / len(first) - bisect.bisect_right(second, at) / len(second))
        for at in (*first, *second)
    )
    most = 1.95 * math.sqrt(1 / len(first) + 1 / len(second))
    return Row(what, f"{distance:.4f} from the one asked for", f"at most {most:.4f}", distance <= most)


def _exchange(folder: Path, attributes: str, *options: str) -> tuple[_Seen, _Seen]:
    """Return what arrives at h2, and at h1: the number and the delay of each packet, in nanoseconds."""
    (folder / "pair.dsl").write_text(_PAIR.format(attributes=attributes))
    (folder / "receive.py").write_text(_RECEIVE)
    (folder / "send.py").write_text(_SEND)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(folder / "pair.dsl"), "--clock", "virtual", *options]
    for line in (
        f"h1: python3 {folder}/receive.py > /tmp/h1.json &",
        f"h2: python3 {folder}/receive.py > /tmp/h2.json &",
        "h1: ping -q -c 50 -i 0.01 -w 1 h2 > /dev/null; true",
        f"h2: python3 {folder}/send.py h1 {_COUNT} &",
        f"h1: python3 {folder}/send.py h2 {_COUNT}",
        "h2: sleep 8; cat /tmp/h2.json /tmp/h1.json",
    ):
        command += ["--exec", line]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    there, back = map(json.loads, done.stdout.splitlines())
    return there, back
