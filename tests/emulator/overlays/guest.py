"""Topologies for the tests of overlays, and a function that runs a scenario in a guest with the virtual clock."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from tests.emulator.overlays.inside import play
from tests.emulator.samples import HANG_S, MESH, ROOT

P = ParamSpec("P")
R = TypeVar("R")


def _links(*pairs: str) -> str:
    found = []
    for number, pair in enumerate(pairs, 1):
        first, second, rtt = pair.split()
        found.append(
            f'  link {{ id = "l{number}"; delay = "{rtt}"; port {{ id = "src" }}; port {{ id = "dst" }} }}\n'
            f"  adjacency {first}, l{number}.src\n  adjacency {second}, l{number}.dst\n"
        )
    return "".join(found)


def _node(kind: str, name: str, ports: int) -> str:
    return f'  {kind} {{ id = "{name}"; ' + "".join(f'port {{ id = "p{it}" }}; ' for it in range(1, ports + 1)) + "}\n"


LINE = (
    "Line {\n"
    + _node("host", "h1", 1) + _node("host", "h2", 2) + _node("host", "h3", 2) + _node("host", "h4", 1)
    + _links("h1.p1 h2.p1 5ms", "h2.p2 h3.p1 8ms", "h3.p2 h4.p1 2ms")
    + "}\n"
)  # fmt: skip
"""Four hosts in a row, of which those in the middle forward."""

STAR = (
    "Star {\n"
    + "".join(_node("host", f"h{number}", 1) for number in range(1, 5)) + _node("vsi", "s1", 4)
    + _links("h1.p1 s1.p1 1ms", "h2.p1 s1.p2 2ms", "h3.p1 s1.p3 3ms", "h4.p1 s1.p4 4ms")
    + "}\n"
)  # fmt: skip
"""Four hosts around a switch."""


@dataclass(frozen=True)
class Topology:
    """A topology, and the round trips between its hosts' containers without the time to send the bits, in ms."""

    text: str
    round_trips_ms: dict[str, float]
    options: tuple[str, ...] = ()


TOPOLOGIES = {
    "mesh": Topology(
        MESH.read_text(),
        {
            "c1 c2": 36.2, "c1 c3": 29.8, "c1 c4": 17.4, "c1 c5": 27.9, "c2 c3": 55.6,
            "c2 c4": 12.7, "c2 c5": 25.3, "c3 c4": 43.1, "c3 c5": 17.5, "c4 c5": 11.3,
        },
    ),
    "star": Topology(
        STAR,
        {"c1 c2": 6.0, "c1 c3": 8.0, "c1 c4": 10.0, "c2 c3": 10.0, "c2 c4": 12.0, "c3 c4": 14.0},
        # Open vSwitch, a program, reads the clock for each packet, which takes some 8 µs of it
        ("--switch", "bridge"),
    ),
    "line": Topology(
        LINE, {"c1 c2": 10.0, "c1 c3": 26.0, "c1 c4": 30.0, "c2 c3": 16.0, "c2 c4": 20.0, "c3 c4": 4.0}
    ),
}  # fmt: skip


def run(
    folder: Path, topology: str, overlay: str, scenario: Callable[..., object], *arguments: str, **parameters: object
) -> dict[str, Any]:
    """Run a scenario in a guest beside an overlay and return its result, after the exit status and errors are checked.

    ``arguments`` go to `gtsdsl emulate`, ``parameters`` to the scenario.
    """
    path, source = folder / "script.py", folder / "topology.dsl"
    call = f"play(net, {scenario.__module__!r}, {scenario.__name__!r}, {parameters!r})"
    path.write_text(f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom {play.__module__} import play\n{call}\n")
    source.write_text(TOPOLOGIES[topology].text)
    command = [sys.executable, "-m", "gtsdsl", "emulate", str(source), "--overlay", overlay, "--script", str(path)]
    done = subprocess.run(
        [*command, *TOPOLOGIES[topology].options, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    if done.returncode != 0 or done.stderr:
        pytest.fail(f"exit status {done.returncode}\n{done.stdout}{done.stderr}")
    (line,) = (line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return found


def once(function: Callable[P, R]) -> Callable[P, R]:
    """Wrap a function so that it runs once for the same arguments; if it raised an exception, it raises that again.

    `functools.cache` forgets exceptions, so that each test would repeat a scenario that hangs.
    """

    @cache
    def outcome(*args: P.args, **kwargs: P.kwargs) -> Future[R]:
        found: Future[R] = Future()
        try:
            found.set_result(function(*args, **kwargs))
        except (Exception, pytest.fail.Exception, pytest.skip.Exception) as error:
            found.set_exception(error)
        return found

    return lambda *args, **kwargs: outcome(*args, **kwargs).result()


def result_of(path: Path) -> dict[str, Any]:
    """Return a result file's content, without what depends on the wall clock."""
    found: dict[str, Any] = json.loads(path.read_text())
    del found["wall_clock"], found["command"]
    return found
