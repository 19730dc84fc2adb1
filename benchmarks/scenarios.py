"""Scenarios in the virtual clock: events at their microsecond, and a trace of bandwidth by the second."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.exactness import MESH
from benchmarks.table import Row, show
from tests.emulator.scenario import flood

_LINKS = 10
_ROUND_S = 4
_SECONDS = 8
_DELAY_US = 18_100
"""The one-way delay of the circuit that the flood goes through."""


def main() -> int:
    """Print the table and return how many goals were missed."""
    with tempfile.TemporaryDirectory(prefix="gtsdsl-bench-") as folder:
        return show("Scenarios, in the virtual clock", [*_events(Path(folder)), *_trace(Path(folder))])


def _events(folder: Path) -> Iterator[Row]:
    """Cut each link once, and change each many times."""
    text = "".join(
        f'[[change]]\nat = "{number}us"\nlink = "l{number % _LINKS + 1}"\ndelay = "{number % 50}ms"\n'
        for number in range(1_000, 501_000, 2_503)
    )
    text += "".join(
        f'[[cut]]\nfrom = "{number}500001us"\nto = "{number}700001us"\nlink = "l{number}"\n'
        for number in range(1, _LINKS + 1)
    )
    happenings = _run(folder, text)["happenings"]
    late_ns = [item["actual_ns"] - item["asked_ns"] for item in happenings]
    figure = f"{max(late_ns) / 1000:.3f} µs late, {min(late_ns) / 1000:.3f} µs the earliest"
    yield Row(f"{len(late_ns)} events, the worst", figure, "0 to 1 µs", min(late_ns) >= 0 and max(late_ns) <= 1_000)


def _trace(folder: Path) -> Iterator[Row]:
    """Flood a circuit whose bandwidth changes each 100 ms between 1 and 18 Mbit/s, with an outage of 300 ms."""
    draw = random.Random(11)  # noqa: S311 - not for secrets
    times_ms: list[int] = []
    for begin_ms in range(0, 1000 * _ROUND_S, 100):
        count = 0 if 1200 <= begin_ms < 1500 else draw.randrange(8, 150)
        times_ms += sorted(draw.randrange(begin_ms + 1, begin_ms + 101) for _ in range(count))
    times_ms.append(1000 * _ROUND_S)
    (folder / "radio.trace").write_text("".join(f"{time_ms}\n" for time_ms in times_ms))
    program = [sys.executable, flood.__file__]
    receive = [*program, "receive", str(_SECONDS + 2), str(_DELAY_US)]
    text = (
        '[[trace]]\nat = 0\nlink = "l1"\nbandwidth = "radio.trace"\ndirection = "there"\n'
        f'[[start]]\nat = 1\nhost = "h2"\ncommand = {json.dumps(receive)}\n'
        f'[[start]]\nat = 1\nhost = "h1"\ncommand = {json.dumps([*program, "send", "h2", str(_SECONDS), "500"])}\n'
    )
    found = _run(folder, f"end = {_SECONDS + 4}\n{text}")
    counts = json.loads(found["commands"][0]["output"])
    rounds = _SECONDS // _ROUND_S + 2
    wanted = Counter((time_ms + 1000 * _ROUND_S * turn) // 1000 for turn in range(rounds) for time_ms in times_ms)
    # the flood begins with the second second, and that second lacks the time in which the programs begin
    errors = [100 * (count / wanted[second] - 1) for second, count in enumerate(counts[1:_SECONDS], 2)]
    worst = max(errors, key=abs)
    what = f"a trace of bandwidth, flooded: packets of a second, worst of {len(errors)} seconds"
    yield Row(what, f"{worst:+.2f} %", "at most 1 %", abs(worst) <= 1)


def _run(folder: Path, text: str) -> dict[str, Any]:
    """Run a scenario over the mesh, and return its part of the result."""
    (folder / "storm.toml").write_text(text)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(MESH), "--scenario", str(folder / "storm.toml")]
    options = ["--allow-programs", "--clock", "virtual", "--json", str(folder / "result.json")]
    subprocess.run([*command, *options], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((folder / "result.json").read_text())["scenario"]
    return found
