"""Losses and jitter of 100,000 packets in each direction: the rates of bursts, the shapes of delays, and repetition."""

from __future__ import annotations

import math
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from benchmarks.packets import Arrivals, distance, exchange, largest_distance
from benchmarks.table import Row, show
from gtsdsl.model.jitter import Shape, quantiles

_COUNT, _GAP_S = 100_000, 0.0005
_PAIR = """Pair {{
  host {{ id = "h1"; location = "AMS"; port {{ id = "p" }} }}
  host {{ id = "h2"; location = "MIL"; port {{ id = "p" }} }}
  link {{ id = "l1"; {attributes} port {{ id = "src" }} port {{ id = "dst" }} }}
  adjacency h1.p, l1.src
  adjacency h2.p, l1.dst
}}
"""


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        return show(f"Losses and jitter of {_COUNT:,} packets each way", list(_rows(Path(folder))))


def _rows(folder: Path) -> Iterator[Row]:
    rates = ((1.0, 10.0), (0.2, 30.0))
    attributes = 'delay = "5ms"; loss = "gemodel 1% 10%/gemodel 0.2% 30%";'
    first = _exchange(folder, attributes)
    for seen, way, (to_bad, to_good) in zip(first, ("there", "back"), rates, strict=True):
        arrived = set(seen.numbers)
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
        yield _distance(f"delays, {shape}", seen.delays_ns, expected)


def _samples(folder: Path) -> Iterator[Row]:
    generator = random.Random(12)  # noqa: S311 - samples, not secrets
    samples_us = [round(1000 * (generator.choice((8, 11)) + generator.lognormvariate(0, 0.8))) for _ in range(20_000)]
    (folder / "samples.csv").write_text("one_way_us\n" + "".join(f"{it}\n" for it in samples_us))
    options = ("--delay-from", str(folder / "samples.csv"), "--order", "free")
    for seen, way in zip(_exchange(folder, "", *options), ("there", "back"), strict=True):
        yield _distance(f"delays of 20,000 samples, {way}", seen.delays_ns, [1000 * it for it in samples_us])


def _distance(what: str, found: Sequence[float], expected: Sequence[float]) -> Row:
    """Return the row of the distance between two distributions, with that of one case in a thousand."""
    apart, most = distance(found, expected), largest_distance(len(found), len(expected))
    return Row(what, f"{apart:.4f} from the one asked for", f"at most {most:.4f}", apart <= most)


def _exchange(folder: Path, attributes: str, *options: str) -> tuple[Arrivals, Arrivals]:
    """Return what arrives at h2, and at h1, over a circuit with these attributes."""
    path = folder / "pair.dsl"
    path.write_text(_PAIR.format(attributes=attributes))
    begin = [sys.executable, "-m", "gtsdsl", "emulate", str(path), "--clock", "virtual"]

    def emulate(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*begin, *more], check=True, capture_output=True, text=True)

    return exchange(emulate, _COUNT, _GAP_S, *options)
